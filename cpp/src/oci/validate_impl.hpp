// Reading of single blobs for validate(): once through, to the last byte, in bounded memory. A blob that does not hold
// is a problem in words; an Error is kept for reading that was impossible. Private.
#pragma once

#include <string>
#include <vector>

#include "shipset/oci/store.hpp"

namespace shipset::oci::detail {

enum class BlobRole : std::uint8_t {
  plain,      ///< only digest and size
  layer,      ///< decompressed for its diff id
  statement,  ///< an in-toto statement
};

struct BlobFacts {
  std::string problem;  ///< empty: the blob holds
  std::uint64_t bytes = 0;
  Digest diff_id;              ///< role layer
  std::string statement_type;  ///< role statement, as the members after it
  std::string predicate_type;
  std::vector<std::pair<std::string, std::string>> subject_digests;  ///< algorithm and hex of every subject
};

/// `diff_algorithm` is that of the diff id that will be compared.
Result<BlobFacts> read_blob(Store& store, const Descriptor& blob, BlobRole role, std::string_view diff_algorithm,
                            const EventSink& events, const CancelToken& cancel);

/// Whether an error says that content does not hold (a finding), not that reading was impossible.
bool is_finding(const Error& error);
/// Its text in one line.
std::string finding_text(const Error& error);

}  // namespace shipset::oci::detail
