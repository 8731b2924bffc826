// The tree behind Expression: made by the parser, read by the evaluator and the static check.
#pragma once

#include <string>
#include <vector>

#include "shipset/model/expression.hpp"

namespace shipset {

struct Expression::Node {
  enum class Kind : std::uint8_t { literal, name, negation, equal, unequal, conjunction, disjunction };
  Kind kind = Kind::literal;
  std::size_t offset = 0;      ///< of the operand, or of the operator
  Value value;                 ///< literal
  std::string name;            ///< name
  std::vector<Node> children;  ///< conjunction and disjunction hold a whole chain, so depth stays bounded
};

}  // namespace shipset
