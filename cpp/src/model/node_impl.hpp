// Light tree of a TOML document: values with their places, children in the order of the file. Made by read_toml(), the
// only function that sees toml++; marked by the checker with what the description and the parsers say about each node.
// Not a general document model. Thread-safe once it is built.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset {
class Template;
class Expression;
}  // namespace shipset

namespace shipset::detail {

struct KeySpec;
struct SectionSpec;

/// Line and column, both from 1; columns count characters.
struct Place {
  int line = 0;
  int column = 0;
  auto operator<=>(const Place&) const = default;
};

struct Node {
  enum class Type : std::uint8_t { string, integer, floating, boolean, datetime, array, table };

  Type type = Type::table;
  bool flag = false;                        ///< boolean
  bool broken = false;                      ///< the checker found it unusable; prune() takes it away
  bool plain = false;                       ///< string that stands in the file as it is: offsets in it are columns
  std::int64_t number = 0;                  ///< integer
  double real = 0;                          ///< floating
  Place at;                                 ///< where the value begins
  Place key_at;                             ///< where the key begins; for entries of lists as `at`
  std::string key;                          ///< name in the table above; empty in lists
  std::string text;                         ///< string; datetime as text
  std::vector<Node> children;               ///< of tables and arrays, in file order
  const Node* parent = nullptr;             ///< null for the root
  std::size_t index = 0;                    ///< position in the list above, as in the file
  const KeySpec* spec = nullptr;            ///< what the description says about this value; null where it says nothing
  const SectionSpec* section = nullptr;     ///< of tables: which keys they may have
  const Template* text_template = nullptr;  ///< parsed text, when it is not literal
  const Expression* condition = nullptr;    ///< parsed text of a `when`

  [[nodiscard]] bool is(Type t) const noexcept { return type == t; }
  [[nodiscard]] bool is_string() const noexcept { return type == Type::string; }
  [[nodiscard]] bool is_array() const noexcept { return type == Type::array; }
  [[nodiscard]] bool is_table() const noexcept { return type == Type::table; }
  /// The child of that name; null when there is none.
  [[nodiscard]] const Node* find(std::string_view name) const;
  [[nodiscard]] Node* find(std::string_view name);
  /// Dotted path, e.g. `variant[1].args.CUDA`.
  [[nodiscard]] std::string path() const;
};

/// "a string", "a list", … for messages.
std::string_view describe(Node::Type type) noexcept;

/// Sets `parent` and `index` everywhere below; to be called once the root has its final address.
void link(Node& root);

/// Takes away broken nodes and tables that lack what they must have because of that, so that the rest of a file with
/// errors can be checked too.
void prune(Node& root);

/// Bounds: 10 MiB, 64 levels, a million values. Errors have kind spec and one problem with line and column.
Result<Node> read_toml(std::string_view text, const std::string& file);

}  // namespace shipset::detail
