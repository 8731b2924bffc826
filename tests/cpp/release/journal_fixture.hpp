// Records of a release's journal for tests: moves of tags, and manifests that are only their bytes.
#pragma once

#include <optional>
#include <string>

#include "journal_state.hpp"

namespace shipset::release {

inline oci::ManifestBytes index_of(const std::string& bytes) {
  return {oci::describe(oci::media_type::index, bytes), bytes};
}

inline MoveRecord a_move(std::size_t number, const std::optional<std::string>& old, const std::string& wanted = "new") {
  MoveRecord move;
  move.number = number;
  move.location = "localhost:5000/app";
  move.tag = "v" + std::to_string(number);
  move.reference = move.location + ":" + move.tag;
  move.variant = "cpu";
  move.wanted = index_of(wanted).descriptor;
  if (old) move.old = index_of(*old);
  return move;
}

}  // namespace shipset::release
