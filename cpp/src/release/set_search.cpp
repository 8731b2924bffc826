#include "set_search.hpp"

#include <algorithm>

#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

/// Releases that share one index, at most; whoever wants to cost us time attaches more.
constexpr std::size_t most_releases = 32;

int version_order(const SetManifest& a, const SetManifest& b) {
  const auto scheme = parse_version_scheme(a.scheme);
  if (scheme && a.scheme == b.scheme) {
    const auto one = Version::parse(a.version, *scheme), other = Version::parse(b.version, *scheme);
    if (one && other) return one->compare(*other);
  }
  return a.version.compare(b.version);
}

/// How well a set fits a tag that led to this index.
int fitness(const SetManifest& set, const Digest& index, const std::string& tag) {
  for (const auto& one : set.tags)
    if (!tag.empty() && one.tag == tag && one.points_at.digest == index) return one.moves == Moves::never ? 2 : 1;
  return 0;
}

std::string release_name(const std::string& name, const std::string& version) {
  return printable(version.empty() ? name : name + " " + version, 200);
}

/// The reference is a set manifest: by its own tag, or by digest.
Result<SetSearch> take_named(oci::Store& store, const oci::Descriptor& root) {
  SetSearch out;
  auto content = read_set(store, root, {});
  if (!content && !is_about_content(content.error())) return std::move(content).error();
  if (!content) {
    out.findings.push_back({root.digest, "set manifest", content_text(content.error())});
    return out;
  }
  SHIPSET_TRY(const auto note, tagged_set(store, root));
  out.found = FoundSet{std::move(*content), root, note ? note->generation : 0, {}, true};
  return out;
}

}  // namespace

Result<SetSearch> search_set(oci::Store& store, const oci::Descriptor& root, const std::string& tag) {
  if (!oci::is_index(root.media_type)) {
    auto itself = tagged_set(store, root);
    if (!itself && !is_about_content(itself.error())) return std::move(itself).error();
    if (itself && *itself) return take_named(store, root);
    return SetSearch();
  }
  SetSearch out;
  SHIPSET_TRY(auto notes, find_sets(store, root.digest));
  // The newest of each name and version comes first; the others were replaced by it.
  notes.erase(
      std::unique(notes.begin(), notes.end(),
                  [](const SetNote& a, const SetNote& b) { return a.name == b.name && a.version == b.version; }),
      notes.end());
  if (notes.size() > most_releases) {
    out.findings.push_back({root.digest, "set manifest",
                            std::to_string(notes.size()) + " releases claim this index; at most " +
                                std::to_string(most_releases) + " are read"});
    return out;
  }
  std::vector<FoundSet> good;
  for (const auto& note : notes) {
    auto content = read_set(store, note.artifact, root.digest);
    if (!content && !is_about_content(content.error())) return std::move(content).error();
    if (!content) {
      out.findings.push_back({note.artifact.digest, "set manifest of " + release_name(note.name, note.version),
                              content_text(content.error())});
      continue;
    }
    FoundSet found{std::move(*content), note.artifact, note.generation, {}, false};
    for (const auto& variant : found.content.set.variants)
      if (variant.index.digest == root.digest) found.variant = variant.name;
    good.push_back(std::move(found));
  }
  const auto best = std::max_element(good.begin(), good.end(), [&](const FoundSet& a, const FoundSet& b) {
    const int one = fitness(a.content.set, root.digest, tag), other = fitness(b.content.set, root.digest, tag);
    return one != other ? one < other : version_order(a.content.set, b.content.set) < 0;
  });
  for (auto at = good.begin(); at != good.end(); ++at)
    if (at != best) out.others.push_back(release_name(at->content.set.name, at->content.set.version));
  if (best != good.end()) out.found = std::move(*best);
  return out;
}

}  // namespace shipset::release
