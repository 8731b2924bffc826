#include "description_impl.hpp"
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
    return out + "[" + std::to_string(index) + "]";
  }
  if (!out.empty()) out += '.';
  const bool bare = !key.empty() && key.find_first_not_of(
                                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_-") == std::string::npos;
  return bare ? out + key : out + "\"" + key + "\"";
}

namespace {

void set_parents(Node& node) {
  for (auto& child : node.children) {
    child.parent = &node;
    set_parents(child);
  }
}

void set_indices(Node& node) {
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    node.children[i].index = i;
    set_indices(node.children[i]);
  }
}

void prune_below(Node& node) {
  for (auto& child : node.children) prune_below(child);
  std::erase_if(node.children, [](const Node& child) { return child.broken; });
  const bool keeps = node.section == nullptr || node.parent == nullptr || node.parent->parent == nullptr;
  if (keeps && (node.section == nullptr || node.section->name != "matrix")) return;
  for (const auto& key : node.section->keys)
    if (key.required && node.find(key.name) == nullptr) node.broken = true;
}

}  // namespace

void link(Node& root) {
  set_indices(root);
  set_parents(root);
}

void prune(Node& root) {
  prune_below(root);
  std::erase_if(root.children, [](const Node& child) { return child.broken; });
  set_parents(root);
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
