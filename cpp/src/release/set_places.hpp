// Where the repositories of a set are, seen from a reference: a set manifest names those of the release file, and the
// release may have gone elsewhere, or been copied since. Values only, thread-safe. Private to the module.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shipset/model/reference.hpp"
#include "shipset/release/set.hpp"

namespace shipset::release {

/// How the reference's repository was recognised as one of the set's.
enum class SetKinship : std::uint8_t {
  same,     ///< it is that very repository
  rebased,  ///< its path ends with that repository's: another host or prefix
  copy,     ///< by its variants only: a layout, or a copy under another name
};

class SetPlaces {
 public:
  /// `variant`: of the set, one that is where the reference is; "": not known.
  SetPlaces(const Location& given, const SetManifest& set, const std::string& variant);

  [[nodiscard]] SetKinship kinship() const { return kinship_; }
  /// The repository of the set that the reference's own is.
  [[nodiscard]] const std::string& here() const { return here_; }
  /// The place of a repository, without tag and digest; nullopt: not to be reached from the reference.
  [[nodiscard]] std::optional<Location> of(const std::string& repository) const;

 private:
  void find_registry(const std::vector<std::string>& repositories);
  void find_layout(const std::vector<std::string>& repositories);

  Location given_;
  SetKinship kinship_ = SetKinship::copy;
  std::string here_, prefix_;  ///< prefix_: what stands before the path of a repository, with its slash
};

/// `place` with a digest, as people write it.
std::string reference_at(const Location& place, const Digest& digest);
std::string reference_at(const Location& place, const std::string& tag);

}  // namespace shipset::release
