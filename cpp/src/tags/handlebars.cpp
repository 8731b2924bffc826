#include <fmt/format.h>

#include "handlebars_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::tags::detail {

namespace {

constexpr std::size_t max_output_bytes = 65536;

std::string_view escape_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#x27;";
    case '`':
      return "&#x60;";
    case '=':
      return "&#x3D;";
    default:
      return {};
  }
}

class Renderer {
 public:
  explicit Renderer(const TemplateScope& scope) : scope_(scope) {}

  Result<void> add(const std::vector<TemplateNode>& nodes) {
    for (const auto& node : nodes) {
      if (node.kind == TemplateNode::Kind::text) {
        out_ += node.text;
      } else if (node.kind == TemplateNode::Kind::condition) {
        SHIPSET_TRY(const auto value, scope_.value(node.call.name));
        SHIPSET_CHECK(add((value && value->is_true) != node.negated ? node.yes : node.no));
      } else {
        SHIPSET_CHECK(add_value(node));
      }
      if (out_.size() > max_output_bytes)
        return Error(ErrorKind::usage, "a tag rule cannot be used", "its expressions give more than 64 KiB");
    }
    return {};
  }

  std::string take() { return std::move(out_); }

 private:
  Result<void> add_value(const TemplateNode& node) {
    std::string text;
    if (node.call.arguments.empty() && node.call.options.empty()) {
      SHIPSET_TRY(const auto value, scope_.value(node.call.name));
      if (value) text = value->text;
    } else {
      SHIPSET_TRY(auto answer, scope_.call(node.call));
      if (!answer)
        return Error(ErrorKind::usage, fmt::format("{{{{{} …}}}} cannot be used here", printable(node.call.name, 80)),
                     "nothing of this name takes arguments here", "date and commit_date do, as {{date 'YYYYMMDD'}}");
      text = std::move(*answer);
    }
    for (const char c : text) {
      const std::string_view escape = node.escaped ? escape_of(c) : std::string_view();
      if (escape.empty())
        out_ += c;
      else
        out_ += escape;
    }
    return {};
  }

  const TemplateScope& scope_;
  std::string out_;
};

}  // namespace

Result<std::string> Handlebars::render(const TemplateScope& scope) const {
  Renderer renderer(scope);
  SHIPSET_CHECK(renderer.add(nodes_));
  return renderer.take();
}

bool Handlebars::is_only(std::string_view name) const {
  return nodes_.size() == 1 && nodes_[0].kind == TemplateNode::Kind::value && nodes_[0].call.name == name;
}

Result<std::string> render_template(std::string_view text, const TemplateScope& scope) {
  SHIPSET_TRY(const auto parsed, Handlebars::parse(text));
  return parsed.render(scope);
}

}  // namespace shipset::tags::detail
