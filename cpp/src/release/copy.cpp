#include <algorithm>
#include <chrono>
#include <thread>

#include "shipset/base/parallel.hpp"
#include "shipset/release/content.hpp"

namespace shipset::release {

namespace {

constexpr std::string_view own_prefix = "_shipset.";
constexpr std::size_t parallel_lookups = 16;

/// The destination with the tag that the source has, when it names none.
Location with_default_tag(Location destination, const std::string& resolved_tag) {
  if (destination.kind == Location::Kind::registry) {
    if (!destination.reference.tag().empty() || !destination.reference.digest().empty()) return destination;
    if (auto tagged = destination.reference.with_tag(resolved_tag)) destination.reference = *tagged;
    return destination;
  }
  if (destination.tag.empty() && destination.digest.empty()) destination.tag = resolved_tag;
  return destination;
}

std::string tag_of(const Location& location) {
  // What names an image in an archive is a whole reference; its tag comes with the descriptor.
  if (location.kind == Location::Kind::docker_archive) return {};
  return location.kind == Location::Kind::registry ? location.reference.tag() : location.tag;
}

Digest digest_of(const Location& location) {
  return location.kind == Location::Kind::registry ? location.reference.digest() : location.digest;
}

std::string reference_of(const Location& place, const std::string& tag) {
  if (place.kind == Location::Kind::registry) return place.reference.repository().familiar() + ":" + tag;
  Location named = place;
  named.tag = tag;
  named.digest = {};
  return named.str();
}

struct Named {
  std::string tag;
  oci::Descriptor root;
};

/// Where registries have no referrers API, a tag `sha256-<hex>` lists what refers to a manifest (specs §3.7). The list
/// is made anew at the destination, where it may hold more: not the tag is copied, but the manifest with its referrers.
/// Nullopt: the tag is one like any other.
Result<std::optional<oci::Descriptor>> listed_subject(oci::Store& source, const std::string& tag,
                                                      const oci::Descriptor& root) {
  constexpr std::string_view prefix = "sha256-";
  if (!tag.starts_with(prefix) || root.media_type != oci::media_type::index) return std::optional<oci::Descriptor>();
  const auto subject = Digest::parse("sha256:" + tag.substr(prefix.size()));
  if (!subject || *subject == root.digest) return std::optional<oci::Descriptor>();
  SHIPSET_TRY(const bool there, source.has_manifest(*subject));
  if (!there) return std::optional<oci::Descriptor>();
  SHIPSET_TRY(auto found, source.manifest(*subject));
  return std::optional(std::move(found.descriptor));
}

/// A tag that is listed and cannot be found is looked for once more, then left out with a warning: some registries list
/// what is gone, or lag behind.
Result<std::vector<Named>> every_tag(oci::Store& source, const EventSink& events, const CancelToken& cancel) {
  SHIPSET_TRY(auto tags, source.tags());
  std::erase_if(tags, [](const std::string& tag) { return tag.starts_with(own_prefix); });
  std::vector<std::optional<oci::Descriptor>> roots(tags.size());
  const std::size_t threads = dynamic_cast<oci::LayoutStore*>(&source) != nullptr ? 1 : parallel_lookups;
  SHIPSET_CHECK(parallel_for(tags.size(), threads, cancel, [&](std::size_t i) -> Result<void> {
    SHIPSET_TRY(roots[i], source.resolve(tags[i]));
    if (!roots[i]) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      SHIPSET_TRY(roots[i], source.resolve(tags[i]));
    }
    if (!roots[i]) return {};
    SHIPSET_TRY(auto subject, listed_subject(source, tags[i], *roots[i]));
    if (subject) {
      tags[i].clear();
      roots[i] = std::move(subject);
    }
    return {};
  }));
  std::vector<Named> out;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (roots[i]) {
      out.push_back({tags[i], *roots[i]});
      continue;
    }
    const std::string name = source.name() + ":" + tags[i];
    emit(events, {EventKind::warning, {}, name, name + " is listed, but not there: it was left out", 0, 0, {}});
  }
  return out;
}

}  // namespace

Result<CopyReport> copy(const Location& source, const Location& destination, bool all_tags,
                        const registry::ClientOptions& client_options, const EventSink& events,
                        const CancelToken& cancel) {
  if (all_tags && (!tag_of(source).empty() || !digest_of(source).empty()))
    return Error(ErrorKind::usage, "--all-tags copies a whole repository, but " + source.str() + " names one image", {},
                 "leave the tag or digest off");
  if (all_tags && source.kind == Location::Kind::docker_archive)
    return Error(ErrorKind::usage, "--all-tags copies a whole repository, but " + source.str() + " is an archive", {},
                 "copy its images one by one: docker-archive:PATH:REF");
  registry::ClientOptions noting = client_options;
  if (!noting.notes) noting.notes = events;
  registry::Client client(std::move(noting));
  SHIPSET_TRY(const auto from, registry::open_store(source, client, registry::Access::pull, cancel));
  std::vector<Named> wanted;
  if (all_tags) {
    SHIPSET_TRY(wanted, every_tag(*from, events, cancel));
  } else {
    SHIPSET_TRY(const oci::Descriptor root, registry::resolve(*from, source));
    std::string tag = tag_of(source);
    if (tag.empty() && digest_of(source).empty() && root.annotations.contains(std::string(oci::ref_name_key)))
      tag = root.annotations.at(std::string(oci::ref_name_key));
    if (tag.empty() && digest_of(source).empty()) tag = "latest";
    wanted.push_back({tag_of(with_default_tag(destination, tag)), root});
  }
  if (wanted.empty())
    return Error(ErrorKind::not_found, "nothing to copy: " + source.str() + " has no tags", {},
                 "check the name, or name one image by its digest");
  SHIPSET_TRY(const auto to, registry::open_store(destination, client, registry::Access::write, cancel));
  oci::TransferOptions options;
  options.referrers = true;
  options.events = events;
  options.cancel = cancel;
  oci::Delivery delivery{to.get(), {}};
  for (const auto& named : wanted) {
    const bool twice = std::any_of(delivery.roots.begin(), delivery.roots.end(),
                                   [&](const oci::Descriptor& root) { return root.digest == named.root.digest; });
    if (!twice) delivery.roots.push_back(named.root);
    if (!named.tag.empty()) delivery.tags.push_back({named.tag, named.root.digest});
  }
  SHIPSET_TRY(auto reports, oci::transfer(*from, {delivery}, options));
  CopyReport report{std::move(reports.front()), {}, {}};
  for (const auto& tag : report.transfer.tags_set) report.tags_set.push_back(reference_of(destination, tag));
  for (const auto& tag : report.transfer.tags_kept) report.tags_kept.push_back(reference_of(destination, tag));
  return report;
}

}  // namespace shipset::release
