#include <cmath>

#include "node_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/model/toml.hpp"

namespace shipset {

namespace {
using detail::Node;

void write(const Node& node, JsonWriter& out) {
  switch (node.type) {
    case Node::Type::table:
      out.begin_object();
      for (const auto& child : node.children) write(child, out.key(child.key));
      out.end_object();
      break;
    case Node::Type::array:
      out.begin_array();
      for (const auto& child : node.children) write(child, out);
      out.end_array();
      break;
    case Node::Type::integer:
      out.value(node.number);
      break;
    case Node::Type::floating:
      if (std::isfinite(node.real))
        out.value(node.real);
      else
        out.null();
      break;
    case Node::Type::boolean:
      out.value(node.flag);
      break;
    case Node::Type::string:
    case Node::Type::datetime:
      out.value(node.text);
      break;
  }
}
}  // namespace

Result<std::string> toml_to_json(std::string_view text, const std::string& file) {
  auto root = detail::read_toml(text, file);
  if (root) {
    JsonWriter out;
    write(*root, out);
    return out.take();
  }
  Error error(ErrorKind::io, "cannot read " + file, {}, "the file must be TOML: https://toml.io");
  for (const auto& problem : root.error().problems)
    error.why =
        "line " + std::to_string(problem.line) + ", column " + std::to_string(problem.column) + ": " + problem.message;
  return error;
}

}  // namespace shipset
