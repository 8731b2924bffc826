#include <algorithm>

#include "shipset/release/content.hpp"

namespace shipset::release {

namespace {

constexpr std::string_view own_prefix = "_shipset.";

/// The destination with the tag that the source has, when it names none.
Location with_default_tag(Location destination, const Location& source, const std::string& resolved_tag) {
  if (destination.kind == Location::Kind::registry) {
    if (!destination.reference.tag().empty() || !destination.reference.digest().empty()) return destination;
    if (auto tagged = destination.reference.with_tag(resolved_tag)) destination.reference = *tagged;
    return destination;
  }
  if (destination.tag.empty() && destination.digest.empty()) destination.tag = resolved_tag;
  (void)source;
  return destination;
}

std::string tag_of(const Location& location) {
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

Result<std::vector<Named>> every_tag(oci::Store& source) {
  SHIPSET_TRY(const auto tags, source.tags());
  std::vector<Named> out;
  for (const auto& tag : tags) {
    if (tag.starts_with(own_prefix)) continue;
    SHIPSET_TRY(const auto root, source.resolve(tag));
    if (root) out.push_back({tag, *root});
  }
  return out;
}

Result<void> set_tag(oci::Store& source, oci::Store& destination, const Location& place, const Named& named,
                     CopyReport& report, const EventSink& events) {
  const std::string reference = reference_of(place, named.tag);
  SHIPSET_TRY(const auto now, destination.resolve(named.tag));
  if (now && now->digest == named.root.digest) {
    report.tags_kept.push_back(reference);
    emit(events, {EventKind::tag_kept, "copy", reference, {}, 0, 0, {}});
    return {};
  }
  SHIPSET_TRY(const oci::ManifestBytes bytes, source.manifest(named.root.digest));
  SHIPSET_CHECK(destination.put_tag(named.tag, bytes.descriptor, bytes.bytes));
  report.tags_set.push_back(reference);
  emit(events, {EventKind::tag_moved, "copy", reference, {}, 0, 0, {}});
  return {};
}

}  // namespace

Result<CopyReport> copy(const Location& source, const Location& destination, bool all_tags,
                        const registry::ClientOptions& client_options, const EventSink& events,
                        const CancelToken& cancel) {
  if (all_tags && (!tag_of(source).empty() || !digest_of(source).empty()))
    return Error(ErrorKind::usage, "--all-tags copies a whole repository, but " + source.str() + " names one image", {},
                 "leave the tag or digest off");
  registry::ClientOptions noting = client_options;
  if (!noting.notes) noting.notes = events;
  registry::Client client(std::move(noting));
  SHIPSET_TRY(const auto from, registry::open_store(source, client, registry::Access::read));
  std::vector<Named> wanted;
  if (all_tags) {
    SHIPSET_TRY(wanted, every_tag(*from));
  } else {
    SHIPSET_TRY(const oci::Descriptor root, registry::resolve(*from, source));
    std::string tag = tag_of(source);
    if (tag.empty() && digest_of(source).empty() && root.annotations.contains(std::string(oci::ref_name_key)))
      tag = root.annotations.at(std::string(oci::ref_name_key));
    if (tag.empty() && digest_of(source).empty()) tag = "latest";
    wanted.push_back({tag_of(with_default_tag(destination, source, tag)), root});
  }
  if (wanted.empty()) return Error(ErrorKind::not_found, "nothing to copy: " + source.str() + " has no tags");
  SHIPSET_TRY(const auto to, registry::open_store(destination, client, registry::Access::write));
  CopyReport report;
  oci::TransferOptions options;
  options.referrers = true;
  options.events = events;
  options.cancel = cancel;
  std::vector<oci::Descriptor> roots;
  for (const auto& named : wanted) {
    const bool twice = std::any_of(roots.begin(), roots.end(),
                                   [&](const oci::Descriptor& root) { return root.digest == named.root.digest; });
    if (!twice) roots.push_back(named.root);
  }
  SHIPSET_TRY(report.transfer, oci::transfer(*from, *to, roots, options));
  for (const auto& named : wanted) {
    SHIPSET_CHECK(cancel.check());
    if (named.tag.empty()) continue;
    SHIPSET_CHECK(set_tag(*from, *to, destination, named, report, events));
  }
  return report;
}

}  // namespace shipset::release
