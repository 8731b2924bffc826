#include "shipset/model/expression.hpp"

#include <fmt/format.h>

#include <charconv>

#include "expression_impl.hpp"
#include "shipset/base/text.hpp"
#include "template_impl.hpp"

namespace shipset {

namespace {

using detail::error_at;
using Node = Expression::Node;

constexpr std::size_t max_text_bytes = 4096;
constexpr int max_depth = 64;

struct Token {
  enum class Kind : std::uint8_t { end, name, string, integer, open, close, equal, unequal };
  Kind kind = Kind::end;
  std::size_t offset = 0;
  std::string text;  // name, or content of a string
  std::int64_t number = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<Token> next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
    Token token;
    token.offset = at_;
    if (at_ == text_.size()) return token;
    const char c = text_[at_];
    if (detail::is_name_start(c)) return name(token);
    if (c == '"' || c == '\'') return string(token);
    if ((c >= '0' && c <= '9') || c == '-') return integer(token);
    if (c == '(' || c == ')') {
      ++at_;
      token.kind = c == '(' ? Token::Kind::open : Token::Kind::close;
      return token;
    }
    const std::string_view two = text_.substr(at_, 2);
    if (two == "==" || two == "!=") {
      at_ += 2;
      token.kind = two == "==" ? Token::Kind::equal : Token::Kind::unequal;
      return token;
    }
    return unexpected(two);
  }

 private:
  Result<Token> name(Token token) {
    std::size_t end = at_;
    while (end < text_.size() && detail::is_name_char(text_[end])) ++end;
    token.kind = Token::Kind::name;
    token.text = text_.substr(at_, end - at_);
    at_ = end;
    if (!detail::is_name(token.text))
      return error_at(token.offset, fmt::format("\"{}\" is not a name", token.text),
                      "names are letters, digits, _ and - in parts joined by dots");
    return token;
  }

  Result<Token> string(Token token) {
    const char quote = text_[at_++];
    token.kind = Token::Kind::string;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\') {
        const char escaped = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
        if (escaped != '\\' && escaped != '"' && escaped != '\'')
          return error_at(at_, "unknown escape in a string", {}, R"(a backslash may stand before \, " and ')");
        ++at_;
      }
      token.text += text_[at_++];
    }
    if (at_ == text_.size()) return error_at(token.offset, "a string is not closed");
    ++at_;
    return token;
  }

  Result<Token> integer(Token token) {
    const std::size_t start = at_;
    if (text_[at_] == '-') ++at_;
    while (at_ < text_.size() && detail::is_name_char(text_[at_])) ++at_;
    const std::string_view digits = text_.substr(start, at_ - start);
    token.kind = Token::Kind::integer;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), token.number);
    if (code != std::errc() || end != digits.data() + digits.size())
      return error_at(token.offset, fmt::format("\"{}\" is not an integer", digits), {},
                      "put text in quotes, for example version.plain == \"1.2.3\"");
    return token;
  }

  [[nodiscard]] Error unexpected(std::string_view two) const {
    std::string hint = "known are: and, or, not, ==, !=, ( ), names, \"strings\", integers, true, false, none";
    if (two == "&&") hint = "write \"and\"";
    if (two == "||") hint = "write \"or\"";
    if (two[0] == '!') hint = "write \"not\"";
    if (two[0] == '=') hint = "write \"==\"";
    if (two[0] == '{') hint = "names stand without braces here";
    const bool pair = two == "&&" || two == "||";
    return error_at(at_, fmt::format("unexpected \"{}\"", printable(two.substr(0, pair ? 2 : 1))), {}, std::move(hint));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Result<Node> parse() {
    SHIPSET_CHECK(advance());
    if (token_.kind == Token::Kind::end) return error_at(0, "the condition is empty", {}, "leave the key out instead");
    SHIPSET_TRY(Node node, chain(Node::Kind::disjunction));
    if (token_.kind != Token::Kind::end) return unexpected("\"and\", \"or\" or the end");
    return node;
  }

 private:
  Result<void> advance() {
    SHIPSET_TRY(token_, lexer_.next());
    return {};
  }

  [[nodiscard]] bool at_word(std::string_view word) const {
    return token_.kind == Token::Kind::name && token_.text == word;
  }

  [[nodiscard]] Error unexpected(std::string_view wanted) const {
    if (token_.kind == Token::Kind::end) return error_at(token_.offset, fmt::format("expected {} at the end", wanted));
    return error_at(token_.offset, fmt::format("expected {}", wanted));
  }

  // `a or b or c` and `a and b and c` become one node each.
  Result<Node> chain(Node::Kind kind) {
    const bool outer = kind == Node::Kind::disjunction;
    const auto operand = [&] { return outer ? chain(Node::Kind::conjunction) : comparison(); };
    SHIPSET_TRY(Node first, operand());
    if (!at_word(outer ? "or" : "and")) return first;
    Node node;
    node.kind = kind;
    node.offset = token_.offset;
    node.children.push_back(std::move(first));
    while (at_word(outer ? "or" : "and")) {
      SHIPSET_CHECK(advance());
      SHIPSET_TRY(Node next, operand());
      node.children.push_back(std::move(next));
    }
    return node;
  }

  [[nodiscard]] bool at_comparison() const {
    return token_.kind == Token::Kind::equal || token_.kind == Token::Kind::unequal;
  }

  Result<Node> comparison() {
    SHIPSET_TRY(Node left, unary());
    if (!at_comparison()) return left;
    Node node;
    node.kind = token_.kind == Token::Kind::equal ? Node::Kind::equal : Node::Kind::unequal;
    node.offset = token_.offset;
    SHIPSET_CHECK(advance());
    SHIPSET_TRY(Node right, unary());
    if (at_comparison())
      return error_at(token_.offset, "comparisons cannot be chained", {}, "use parentheses, or \"and\"");
    node.children.push_back(std::move(left));
    node.children.push_back(std::move(right));
    return node;
  }

  Result<Node> unary() {
    if (++depth_ > max_depth)
      return error_at(token_.offset, "the condition is nested too deeply", fmt::format("over {} levels", max_depth));
    auto node = at_word("not") ? negation() : primary();
    --depth_;
    return node;
  }

  Result<Node> negation() {
    Node node;
    node.kind = Node::Kind::negation;
    node.offset = token_.offset;
    SHIPSET_CHECK(advance());
    SHIPSET_TRY(Node operand, unary());
    node.children.push_back(std::move(operand));
    return node;
  }

  Result<Node> primary() {
    if (token_.kind == Token::Kind::open) {
      const std::size_t opened = token_.offset;
      SHIPSET_CHECK(advance());
      SHIPSET_TRY(Node node, chain(Node::Kind::disjunction));
      if (token_.kind == Token::Kind::end) return error_at(opened, "\"(\" without \")\"");
      if (token_.kind != Token::Kind::close) return unexpected("\")\"");
      SHIPSET_CHECK(advance());
      return node;
    }
    Node node;
    node.offset = token_.offset;
    if (token_.kind == Token::Kind::string) {
      node.value = token_.text;
    } else if (token_.kind == Token::Kind::integer) {
      node.value = token_.number;
    } else if (at_word("true") || at_word("false")) {
      node.value = token_.text == "true";
    } else if (token_.kind == Token::Kind::name && token_.text != "and" && token_.text != "or") {
      if (token_.text != "none") {
        node.kind = Node::Kind::name;
        node.name = token_.text;
      }
    } else {
      return unexpected("a name, a string, an integer, true, false, none, \"not\" or \"(\"");
    }
    SHIPSET_CHECK(advance());
    return node;
  }

  Lexer lexer_;
  Token token_;
  int depth_ = 0;
};

}  // namespace

Result<Expression> Expression::parse(std::string_view text) {
  if (text.size() > max_text_bytes)
    return error_at(0, "the condition is too long",
                    fmt::format("{} bytes, at most {} are allowed", text.size(), max_text_bytes));
  SHIPSET_TRY(Node root, Parser(text).parse());
  Expression out;
  out.text_ = text;
  out.root_ = std::make_shared<const Node>(std::move(root));
  return out;
}

}  // namespace shipset
