// What the records of a journal say: how far a release came, what it built, which tags it was about to move and what
// they held. Also the writer of each record, so that writing and reading stand side by side. Values; thread-safe.
// A release is made of attempts: `begin` starts one anew, with a frozen plan of its own; images of earlier attempts
// count for every later one, because they are known by the key of their inputs.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "journal.hpp"
#include "shipset/build/builder.hpp"
#include "shipset/oci/store.hpp"
#include "shipset/release/report.hpp"

namespace shipset::release {

/// A platform image that was built.
struct ImageRecord {
  std::string variant, platform;
  Digest key;         ///< of its inputs: build key of the image alone
  std::string place;  ///< where it is: name of the target's repository; empty: the work folder
  build::BuiltImage built;
};

/// Its attestations.
struct AttestedRecord {
  std::string variant, platform;
  Digest manifest;      ///< the image that they are about
  Digest key;           ///< build key of the variant: statements hold it
  bool legacy = false;  ///< form of the attestation manifest
  std::optional<oci::Descriptor> attestation;
  std::vector<oci::Descriptor> referrers;
  bool sbom = false, provenance = false;
  std::uint64_t packages = 0;
};

/// A tag that is to move, with all that undo needs.
struct MoveRecord {
  std::size_t number = 0, step = 0;
  std::string location;  ///< as Location::parse reads it: a repository or layout
  std::string tag, reference, variant, reason;
  oci::Descriptor wanted;
  std::string wanted_bytes;  ///< empty: as the destination has it
  std::optional<oci::ManifestBytes> old;
  bool hold = false;
};

/// A set manifest that is about to be put beside an image, and which no tag leads to until that image's list of
/// referrers names it.
struct SetRecord {
  std::string location;
  oci::Descriptor manifest;
};

struct JournalState {
  std::string id, name, version;
  std::size_t attempts = 0;
  std::string plan;            ///< digest of plan.json of the last attempt
  std::string goal;            ///< of the last attempt: "release" or "promote"
  std::string phase;           ///< the last one that began
  std::set<std::string> done;  ///< phases of the last attempt that ended well
  std::map<std::pair<std::string, std::string>, ImageRecord> images;
  std::map<std::pair<std::string, std::string>, AttestedRecord> attested;
  std::map<std::string, oci::Descriptor> indexes;  ///< by variant
  std::vector<GateReport> gates;
  bool moving = false;  ///< the list of moves is complete: from here on tags may have moved
  std::vector<MoveRecord> moves;
  /// Numbers of moves by what was begun and what was done with them: "hold", "move", "undo", "release_hold".
  std::map<std::string, std::set<std::size_t>> begun, ended;
  std::vector<SetRecord> sets;
  bool undoing = false;    ///< going back was decided
  bool committed = false;  ///< everything was read back: only forward from here
  std::string outcome;     ///< empty: the last attempt has not ended

  [[nodiscard]] bool exists() const { return attempts != 0; }
  /// Begun and not ended, and tags may have moved, or work after the commit point remains.
  [[nodiscard]] bool unfinished_moves() const { return exists() && outcome.empty() && moving; }
};

/// Kind verify: a record that cannot be.
Result<JournalState> read_state(const std::vector<std::string>& records, const std::string& object);

namespace record {
std::string header(const std::string& id, const std::string& name, const std::string& version, std::int64_t at_unix_s);
std::string begin(std::string_view goal, const std::string& plan_digest, std::int64_t at_unix_s);
std::string resume(std::int64_t at_unix_s);
std::string phase(std::string_view name, std::string_view state);
std::string image(const ImageRecord& image);
std::string attested(const AttestedRecord& attested);
std::string index(const std::string& variant, const oci::Descriptor& index);
std::string gate(const GateReport& gate);
std::string old_manifest(const oci::ManifestBytes& manifest);
std::string move(const MoveRecord& move);
std::string moves(std::size_t count);  ///< after the last move
std::string act(std::string_view act, std::string_view state, const std::vector<std::size_t>& numbers);
std::string set(const SetRecord& set);
std::string undoing(std::string_view why);
std::string commit(std::int64_t at_unix_s);
std::string end(std::string_view outcome, std::int64_t at_unix_s);
}  // namespace record

}  // namespace shipset::release
