// The variant for a machine, from the registry: the set manifest behind a reference, and the choice in it.
#include <algorithm>

#include "set_places.hpp"
#include "set_search.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/registry/open.hpp"

namespace shipset::release {

namespace {

Error no_set(const Location& location) {
  return Error(ErrorKind::not_found, "no variant can be chosen for " + location.str(), "no set manifest refers to it",
               "name a tag or digest of a variant that shipset has released, or the tag <version>.shipset");
}

Error broken_set(const Location& location, const oci::Finding& finding) {
  return Error(ErrorKind::verify, "the set manifest of " + location.str() + " does not hold", finding.message,
               "see shipset verify " + location.str())
      .with("digest", finding.digest.str());
}

/// The repository of a variant that can be reached from the reference: the reference's own before others.
Result<std::pair<std::string, Location>> place_of(const SetPlaces& places, const SetVariant& variant) {
  std::vector<std::string> names = variant.repositories;
  std::stable_partition(names.begin(), names.end(), [&](const auto& name) { return name == places.here(); });
  for (const auto& name : names)
    if (auto place = places.of(name)) return std::make_pair(name, std::move(*place));
  return Error(ErrorKind::not_found, "the variant " + printable(variant.name, 80) + " cannot be reached from here",
               "it is in " + printable(join(variant.repositories, ", "), 300),
               "name a reference in one of these repositories");
}

Result<Selection> describe(const FoundSet& found, const Choice& choice, const Location& location) {
  const SetManifest& set = found.content.set;
  const SetVariant& variant = set.variants[choice.variant];
  const SetPlaces places(location, set, found.variant);
  SHIPSET_TRY(const auto at, place_of(places, variant));
  Selection out;
  out.name = set.name;
  out.version = set.version;
  out.variant = variant.name;
  out.why = choice.why;
  out.index = variant.index;
  out.reference = reference_at(at.second, variant.index.digest);
  out.hardware = variant.hardware;
  if (choice.image) {
    const SetImage& image = variant.images[*choice.image];
    out.platform = image.platform;
    out.image = image.manifest;
    out.image_reference = reference_at(at.second, image.manifest.digest);
    out.hardware = image.hardware;
  }
  for (const auto& tag : set.tags)
    if (tag.variant == variant.name && tag.repository == at.first && tag.platforms.empty())
      out.tags.push_back(reference_at(at.second, tag.tag));
  out.refused = choice.refused;
  out.set = found.content.document.digest;
  return out;
}

void write_descriptor(JsonWriter& out, std::string_view key, const oci::Descriptor& descriptor) {
  out.key(key).begin_object().member("media_type", descriptor.media_type);
  out.member("digest", descriptor.digest.str()).member("size_bytes", descriptor.size).end_object();
}

}  // namespace

Result<Selection> select(const Location& location, const std::vector<HardwareFact>& machine,
                         const std::optional<Platform>& platform, const registry::ClientOptions& client_options,
                         const CancelToken& cancel) {
  registry::Client client(client_options);
  SHIPSET_TRY(const auto store, registry::open_store(location, client, registry::Access::pull, cancel));
  SHIPSET_TRY(const oci::Descriptor root, registry::resolve(*store, location));
  SHIPSET_TRY(const SetSearch search, search_set(*store, root, tag_named(location)));
  // A broken set manifest may be the one that would have decided.
  if (!search.findings.empty()) return broken_set(location, search.findings.front());
  if (!search.found) return no_set(location);
  SHIPSET_TRY(const Choice choice, choose_variant(search.found->content.set, machine, platform));
  return describe(*search.found, choice, location);
}

std::string Selection::to_json() const {
  JsonWriter out;
  const auto list = [&](std::string_view key, const std::vector<std::string>& texts) {
    out.key(key).begin_array();
    for (const auto& text : texts) out.value(text);
    out.end_array();
  };
  out.begin_object().member("schema_version", 1).member("reference", reference).member("name", name);
  out.member("version", version).member("variant", variant).member("why", why);
  write_descriptor(out, "index", index);
  if (platform) {
    out.member("platform", platform->str());
    write_descriptor(out, "image", *image);
  } else {
    out.member("platform", "").key("image").null();
  }
  out.member("image_reference", image_reference);
  list("hardware", hardware);
  list("tags", tags);
  out.key("refused").begin_array();
  for (const auto& one : refused) out.begin_object().member("name", one.name).member("why", one.why).end_object();
  out.end_array().member("set", set.str()).end_object();
  return out.take();
}

}  // namespace shipset::release
