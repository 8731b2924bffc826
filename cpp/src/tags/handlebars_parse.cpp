// Text of a template → nodes. One pass; blocks within blocks are limited.
#include <fmt/format.h>

#include "handlebars_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::tags::detail {

namespace {

constexpr int max_depth = 32;
constexpr std::string_view white = " \t\r\n\f\v";

bool is_name_character(char c) {
  return static_cast<unsigned char>(c) > 0x20 &&
         std::string_view("!\"#%&'()*+,./;<=>@[\\]^`{|}~").find(c) == std::string_view::npos;
}

// What ends a list of nodes.
enum class End { text, otherwise, close };

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  // Until the text ends, or the `{{else…}}` or `{{/block}}` of the block that is open.
  Result<std::vector<TemplateNode>> nodes(std::string_view block, int depth) {
    if (depth > max_depth) return broken("blocks stand too deep within each other");
    std::vector<TemplateNode> out;
    while (true) {
      const bool escaped_braces = take_text(out);
      if (escaped_braces) continue;
      if (at_ == text_.size()) {
        if (!block.empty()) return broken(fmt::format("{{{{#{}}}}} is not closed", block));
        end_ = End::text;
        return out;
      }
      SHIPSET_TRY(const bool ended, take_braces(out, block, depth));
      if (ended) return out;
    }
  }

 private:
  // Text up to the next braces; true when they were escaped, and are text too.
  bool take_text(std::vector<TemplateNode>& out) {
    const std::size_t found = std::min(text_.find("{{", at_), text_.size());
    std::string text(text_.substr(at_, found - at_));
    at_ = found;
    bool escaped = false;
    if (found < text_.size() && text.ends_with('\\')) {
      text.pop_back();
      escaped = !text.ends_with('\\');  // two of them are one backslash before braces that count
    }
    if (escaped) {
      const std::size_t next = std::min(text_.find("{{", found + 2), text_.size());
      // A backslash before the next braces belongs to those.
      at_ = next;
      while (at_ < text_.size() && at_ > found + 2 && text_[at_ - 1] == '\\') --at_;
      text += text_.substr(found, at_ - found);
    }
    if (strip_next_) {
      text.erase(0, std::min(text.find_first_not_of(white), text.size()));
      strip_next_ = false;
    }
    if (!text.empty()) {
      TemplateNode node;
      node.text = std::move(text);
      out.push_back(std::move(node));
    }
    return escaped;
  }

  // One `{{…}}`. True when it ends the list of nodes.
  Result<bool> take_braces(std::vector<TemplateNode>& out, std::string_view block, int depth) {
    start_ = at_;
    at_ += 2;
    if (rest().starts_with("{{")) return broken("blocks in four braces are not supported");
    const bool triple = take("{");
    if (take("~")) strip_before(out);
    if (!triple && take("!")) return skip_comment();
    if (!triple && (take(">") || take("#>") || take("#*"))) return broken("partials are not supported");
    if (!triple && take("#")) return take_condition(out, depth);
    if (!triple && take("/")) return take_close(block);
    if (!triple && take("^")) return take_otherwise(block);
    const bool plain = !triple && take("&");
    skip_white();
    if (!triple && !plain && word_is("else")) {
      at_ += 4;
      return take_otherwise(block);
    }
    TemplateNode node;
    node.kind = TemplateNode::Kind::value;
    node.escaped = !triple && !plain;
    SHIPSET_TRY(node.call, call());
    if (triple && !take("}")) return broken("three braces are closed by two");
    SHIPSET_CHECK(close());
    out.push_back(std::move(node));
    return false;
  }

  Result<bool> skip_comment() {
    const bool dashes = take("--");
    const std::size_t end = text_.find(dashes ? "--" : "}}", at_);
    if (end == text_.npos) return broken("a comment is not closed");
    at_ = dashes ? end + 2 : end;
    if (at_ > 0 && text_[at_ - 1] == '~' && !dashes) strip_next_ = true;
    SHIPSET_CHECK(close());
    return false;
  }

  // Behind `{{#`, or behind `{{else`.
  Result<bool> take_condition(std::vector<TemplateNode>& out, int depth) {
    skip_white();
    SHIPSET_TRY(auto node, condition_head());
    const std::string block = node.negated ? "unless" : "if";
    SHIPSET_TRY(node.yes, nodes(block, depth + 1));
    if (end_ == End::otherwise) {
      skip_white();
      if (word_is("if") || word_is("unless")) {
        SHIPSET_CHECK(take_chained(node, block, depth + 1));
      } else {
        SHIPSET_CHECK(close());
        SHIPSET_TRY(node.no, nodes(block, depth + 1));
        if (end_ != End::close) return broken("a block has two {{else}}");
      }
    }
    out.push_back(std::move(node));
    return false;
  }

  // `{{else if x}}`: one `{{/if}}` closes all of them.
  Result<void> take_chained(TemplateNode& node, const std::string& block, int depth) {
    if (depth > max_depth) return broken("blocks stand too deep within each other");
    SHIPSET_TRY(auto inner, condition_head());
    SHIPSET_TRY(inner.yes, nodes(block, depth + 1));
    if (end_ == End::otherwise) {
      skip_white();
      if (word_is("if") || word_is("unless")) {
        SHIPSET_CHECK(take_chained(inner, block, depth + 1));
      } else {
        SHIPSET_CHECK(close());
        SHIPSET_TRY(inner.no, nodes(block, depth + 1));
        if (end_ != End::close) return broken("a block has two {{else}}");
      }
    }
    node.no.push_back(std::move(inner));
    return {};
  }

  Result<TemplateNode> condition_head() {
    SHIPSET_TRY(auto head, call_name());
    if (head != "if" && head != "unless")
      return broken(fmt::format("{{{{#{}}}}} is not supported", printable(head, 40)), "if and unless are");
    TemplateNode node;
    node.kind = TemplateNode::Kind::condition;
    node.negated = head == "unless";
    skip_white();
    SHIPSET_TRY(node.call.name, call_name());
    SHIPSET_CHECK(close());
    return node;
  }

  Result<bool> take_close(std::string_view block) {
    skip_white();
    SHIPSET_TRY(const auto name, call_name());
    SHIPSET_CHECK(close());
    if (block.empty() || name != block)
      return broken(fmt::format("{{{{/{}}}}} closes nothing that is open", printable(name, 40)));
    end_ = End::close;
    return true;
  }

  // Behind `{{else` or `{{^`: the caller reads on, because a condition may follow.
  Result<bool> take_otherwise(std::string_view block) {
    if (block.empty()) return broken("{{else}} stands outside of a block");
    end_ = End::otherwise;
    return true;
  }

  Result<TemplateCall> call() {
    TemplateCall found;
    SHIPSET_TRY(found.name, call_name());
    while (true) {
      const bool spaced = skip_white();
      if (at_ == text_.size() || text_[at_] == '}' || text_[at_] == '~') return found;
      if (!spaced) return broken(fmt::format("{} is not expected here", printable(text_.substr(at_, 1))));
      if (text_[at_] == '\'' || text_[at_] == '"') {
        if (!found.options.empty()) return broken("an argument stands behind an option");
        SHIPSET_TRY(found.arguments.emplace_back(), string());
        continue;
      }
      SHIPSET_TRY(const auto key, call_name());
      if (!take("=")) return broken("arguments are texts in quotes", "as in {{date 'YYYYMMDD' tz='UTC'}}");
      SHIPSET_TRY(found.options[key], string());
    }
  }

  Result<std::string> call_name() {
    take("this.") || take("./");
    const std::size_t from = at_;
    while (at_ < text_.size() && is_name_character(text_[at_])) ++at_;
    if (at_ == from) return broken(at_ == text_.size() ? "the braces are not closed" : "a name is expected");
    if (at_ < text_.size() && std::string_view("./[(@|").find(text_[at_]) != std::string_view::npos)
      return broken("paths and sub-expressions are not supported", "use one of the names alone, as in {{branch}}");
    return std::string(text_.substr(from, at_ - from));
  }

  Result<std::string> string() {
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') return broken("a text in quotes is expected");
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) return ++at_, out;
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == quote) ++at_;
      out += text_[at_];
    }
    return broken("a quote is not closed");
  }

  Result<void> close() {
    skip_white();
    strip_next_ = take("~") || strip_next_;
    if (!take("}}")) return broken("the braces are not closed");
    return {};
  }

  static void strip_before(std::vector<TemplateNode>& out) {
    if (out.empty() || out.back().kind != TemplateNode::Kind::text) return;
    std::string& text = out.back().text;
    text.erase(text.find_last_not_of(white) + 1);
  }

  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  bool take(std::string_view token) {
    if (!rest().starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  bool skip_white() {
    const std::size_t from = at_;
    while (at_ < text_.size() && white.find(text_[at_]) != white.npos) ++at_;
    return at_ != from;
  }
  [[nodiscard]] bool word_is(std::string_view word) const {
    return rest().starts_with(word) && (rest().size() == word.size() || !is_name_character(rest()[word.size()]));
  }
  [[nodiscard]] Error broken(std::string why, std::string hint = {}) const {
    return Error(ErrorKind::usage, fmt::format("the expression in {} cannot be read", printable(text_, 120)),
                 fmt::format("{}, in the braces at character {}", why, start_ + 1), std::move(hint));
  }

  std::string_view text_;
  std::size_t at_ = 0, start_ = 0;
  bool strip_next_ = false;
  End end_ = End::text;
};

}  // namespace

Result<Handlebars> Handlebars::parse(std::string_view text) {
  Handlebars out;
  SHIPSET_TRY(out.nodes_, Parser(text).nodes("", 0));
  return out;
}

}  // namespace shipset::tags::detail
