#include "node_impl.hpp"

namespace shipset::detail {

const Node* Node::find(std::string_view name) const {
  for (const auto& child : children)
    if (child.key == name) return &child;
  return nullptr;
}

Node* Node::find(std::string_view name) {
  for (auto& child : children)
    if (child.key == name) return &child;
  return nullptr;
}

std::string Node::path() const {
  if (parent == nullptr) return {};
  std::string out = parent->path();
  if (parent->is_array()) {
    const auto index = static_cast<std::size_t>(this - parent->children.data());
    return out + "[" + std::to_string(index) + "]";
  }
  if (!out.empty()) out += '.';
  const bool bare = !key.empty() && key.find_first_not_of(
                                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_-") == std::string::npos;
  return bare ? out + key : out + "\"" + key + "\"";
}

void link_parents(Node& root) {
  for (auto& child : root.children) {
    child.parent = &root;
    link_parents(child);
  }
}

std::string_view describe(Node::Type type) noexcept {
  switch (type) {
    case Node::Type::string:
      return "a string";
    case Node::Type::integer:
      return "an integer";
    case Node::Type::floating:
      return "a floating-point number";
    case Node::Type::boolean:
      return "a boolean";
    case Node::Type::datetime:
      return "a date or time";
    case Node::Type::array:
      return "a list";
    case Node::Type::table:
      return "a table";
  }
  return "a value";
}

}  // namespace shipset::detail
