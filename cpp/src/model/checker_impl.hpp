// Checks the shape of a release file against its description: keys, types, allowed values, templates, conditions; and
// marks each node with its description and its parsed text. Finds everything in one pass. Belongs to one thread.
#pragma once

#include "description_impl.hpp"
#include "node_impl.hpp"
#include "problems_impl.hpp"
#include "scope_impl.hpp"
#include "texts_impl.hpp"

namespace shipset::detail {

class Checker {
 public:
  Checker(const KnownNames& known, Texts& texts, ProblemList& problems)
      : known_(known), texts_(texts), problems_(problems) {}
  void check(Node& root) { section(root, release_file_description()); }

 private:
  void section(Node& node, const SectionSpec& spec);
  void child(Node& node, const SectionSpec& spec);
  void unknown_key(Node& node, const SectionSpec& spec);
  void missing_keys(Node& node, const SectionSpec& spec);
  void value(Node& node, const KeySpec& spec);
  void scalar_value(Node& node, const KeySpec& spec);
  void list_value(Node& node, const KeySpec& spec);
  void entry(Node& node, const KeySpec& spec);
  void entry_value(Node& node, const KeySpec& spec);
  void table_map_value(Node& node, const KeySpec& spec);
  void map_value(Node& node, const KeySpec& spec);
  void free_value(Node& node, const KeySpec& spec);
  void alternatives(Node& node, const KeySpec& spec, bool in_list);
  void alternative(Node& node, const KeySpec& spec, bool in_list, bool last);
  void leaf(Node& node, const KeySpec& spec);
  void text(Node& node, const KeySpec& spec);
  void condition(Node& node, Names names);
  void wrong_type(Node& node, const KeySpec& spec);
  /// An error after which the node is of no use.
  void refuse(Node& node, std::string message, std::string hint = {});
  void report(Node& node, std::vector<TextProblem> found);

  const KnownNames& known_;
  Texts& texts_;
  ProblemList& problems_;
};

}  // namespace shipset::detail
