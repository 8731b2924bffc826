// `diff`: what differs between two images, indexes, or whole sets of tags.
#include <algorithm>

#include "image_content.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr std::size_t most_tags = 1000;
constexpr std::string_view own_prefix = "_shipset.";
using Texts = std::map<std::string, std::string>;

std::string list_text(const std::vector<std::string>& texts) {
  JsonWriter out;
  out.begin_array();
  for (const auto& text : texts) out.value(text);
  out.end_array();
  return texts.empty() ? std::string() : out.take();
}

/// A config as names and values; of a list whose order counts, its JSON text.
Texts flat(const oci::ImageConfig& config) {
  Texts out;
  const auto& container = config.config;
  for (const auto& variable : container.env) {
    const auto equals = std::min(variable.find('='), variable.size());
    out["env." + variable.substr(0, equals)] = variable.substr(std::min(equals + 1, variable.size()));
  }
  for (const auto& [name, value] : container.labels) out["labels." + name] = value;
  const std::pair<const char*, std::string> others[] = {{"entrypoint", list_text(container.entrypoint)},
                                                        {"cmd", list_text(container.cmd)},
                                                        {"exposed_ports", list_text(container.exposed_ports)},
                                                        {"volumes", list_text(container.volumes)},
                                                        {"user", container.user},
                                                        {"working_dir", container.working_dir},
                                                        {"stop_signal", container.stop_signal},
                                                        {"other", container.extra_json},
                                                        {"author", config.author},
                                                        {"created", config.created}};
  for (const auto& [name, value] : others)
    if (!value.empty()) out[name] = value;
  return out;
}

void write_changes(JsonWriter& out, std::string_view key, const Texts& from, const Texts& to) {
  std::set<std::string> names;
  for (const auto& [name, value] : from) names.insert(name);
  for (const auto& [name, value] : to) names.insert(name);
  out.key(key).begin_array();
  for (const auto& name : names) {
    const auto before = from.find(name), after = to.find(name);
    if (before != from.end() && after != to.end() && before->second == after->second) continue;
    out.begin_object().member("name", name);
    const auto value = [&](std::string_view side, const Texts& all, Texts::const_iterator at) {
      if (at == all.end())
        out.key(side).null();
      else
        out.member(side, at->second);
    };
    value("from", from, before);
    value("to", to, after);
    out.end_object();
  }
  out.end_array();
}

std::uint64_t size_of(const ImageContent& image) {
  std::uint64_t sum = 0;
  for (const auto& layer : image.manifest.layers) sum += layer.size;
  return sum;
}

class Diff {
 public:
  Diff(oci::Store& from, oci::Store& to, const DiffOptions& options, const EventSink& events, const CancelToken& cancel)
      : from_(from), to_(to), options_(options), events_(events), cancel_(cancel) {}

  Result<std::string> images(const oci::Descriptor& from, const oci::Descriptor& to) {
    out_.begin_object().member("schema_version", 1);
    SHIPSET_CHECK(pair(from, to));
    out_.end_object();
    return out_.take();
  }

  Result<std::string> sets() {
    SHIPSET_TRY(const Texts before, tags_of(from_));
    SHIPSET_TRY(const Texts after, tags_of(to_));
    std::set<std::string> names;
    for (const auto& [tag, digest] : before) names.insert(tag);
    for (const auto& [tag, digest] : after) names.insert(tag);
    out_.begin_object().member("schema_version", 1).member("from", from_.name()).member("to", to_.name());
    out_.member("equal", before == after).key("tags").begin_array();
    for (const auto& tag : names) {
      SHIPSET_CHECK(cancel_.check());
      const auto was = before.find(tag), is = after.find(tag);
      const bool gone = is == after.end(), fresh = was == before.end();
      out_.begin_object().member("tag", tag);
      out_.member("status", gone ? "removed" : fresh ? "added" : was->second == is->second ? "equal" : "changed");
      if (!gone && !fresh && was->second != is->second) {
        SHIPSET_TRY(const auto one, from_.resolve(tag));
        SHIPSET_TRY(const auto other, to_.resolve(tag));
        if (!one || !other)
          return Error(ErrorKind::not_found, "the tag " + printable(tag, 140) + " has gone while it was compared");
        out_.key("difference").begin_object();
        SHIPSET_CHECK(pair(*one, *other));
        out_.end_object();
      } else {
        if (!fresh) out_.member("from_digest", was->second);
        if (!gone) out_.member("to_digest", is->second);
      }
      out_.end_object();
    }
    out_.end_array().end_object();
    return out_.take();
  }

 private:
  Result<Texts> tags_of(oci::Store& store) const {
    SHIPSET_TRY(auto tags, store.tags());
    std::erase_if(tags, [](const std::string& tag) { return tag.starts_with(own_prefix); });
    if (tags.size() > most_tags)
      return Error(ErrorKind::usage, store.name() + " cannot be compared as a whole",
                   "it has " + std::to_string(tags.size()) + " tags, 1000 are the most", "name one image: REF:TAG");
    Texts out;
    for (const auto& tag : tags) {
      SHIPSET_CHECK(cancel_.check());
      SHIPSET_TRY(const auto at, store.resolve(tag));
      if (at) out.emplace(tag, at->digest.str());
    }
    return out;
  }

  Result<Texts> annotations_of(oci::Store& store, const oci::Descriptor& root) const {
    SHIPSET_TRY(const oci::ManifestBytes bytes, store.manifest(root.digest));
    if (!oci::is_index(bytes.descriptor.media_type)) return Texts();
    SHIPSET_TRY(const auto index, oci::Index::parse(bytes.bytes, "the index " + root.digest.str()));
    return index.annotations;
  }

  Result<void> pair(const oci::Descriptor& from, const oci::Descriptor& to) {
    for (const auto& [side, store, root] : {std::tuple("from", &from_, &from), std::tuple("to", &to_, &to)})
      out_.key(side).begin_object().member("name", store->name()).member("digest", root->digest.str()).end_object();
    out_.member("equal", from.digest == to.digest);
    SHIPSET_TRY(const auto before, images_below(from_, from, options_.platform, cancel_));
    SHIPSET_TRY(const auto after, images_below(to_, to, options_.platform, cancel_));
    SHIPSET_TRY(const Texts was, annotations_of(from_, from));
    SHIPSET_TRY(const Texts is, annotations_of(to_, to));
    write_changes(out_, "annotations", was, is);
    out_.key("platforms").begin_array();
    for (const auto& image : before) SHIPSET_CHECK(platform(&image, find(after, image.platform)));
    for (const auto& image : after)
      if (find(before, image.platform) == nullptr) SHIPSET_CHECK(platform(nullptr, &image));
    out_.end_array();
    return {};
  }

  static const ImageContent* find(const std::vector<ImageContent>& images, const std::string& platform) {
    const auto at = std::find_if(images.begin(), images.end(),
                                 [&](const ImageContent& image) { return image.platform == platform; });
    return at == images.end() ? nullptr : &*at;
  }

  Result<void> platform(const ImageContent* from, const ImageContent* to) {
    const bool same = from != nullptr && to != nullptr && from->descriptor.digest == to->descriptor.digest;
    out_.begin_object().member("platform", from != nullptr ? from->platform : to->platform);
    out_.member("status", same ? "equal" : from == nullptr ? "added" : to == nullptr ? "removed" : "changed");
    if (from != nullptr) out_.member("from_digest", from->descriptor.digest.str()).member("from_bytes", size_of(*from));
    if (to != nullptr) out_.member("to_digest", to->descriptor.digest.str()).member("to_bytes", size_of(*to));
    if (from != nullptr && to != nullptr && !same) {
      SHIPSET_TRY(const auto before, config_of(from_, *from));
      SHIPSET_TRY(const auto after, config_of(to_, *to));
      write_changes(out_, "config", flat(before), flat(after));
      layers(*from, *to);
      if (options_.packages) SHIPSET_CHECK(packages(*from, *to));
    }
    out_.end_object();
    return {};
  }

  void layers(const ImageContent& from, const ImageContent& to) {
    const auto has = [](const ImageContent& image, const Digest& digest) {
      return std::any_of(image.manifest.layers.begin(), image.manifest.layers.end(),
                         [&](const oci::Descriptor& layer) { return layer.digest == digest; });
    };
    const auto list = [&](std::string_view key, const ImageContent& image, const ImageContent& other, bool shared) {
      std::uint64_t bytes = 0;
      out_.key(key).begin_array();
      for (const auto& layer : image.manifest.layers) {
        if (has(other, layer.digest) != shared) continue;
        out_.begin_object().member("digest", layer.digest.str()).member("size_bytes", layer.size).end_object();
        bytes += layer.size;
      }
      out_.end_array().member(std::string(key) + "_bytes", bytes);
    };
    out_.key("layers").begin_object();
    list("shared", to, from, true);
    list("removed", from, to, false);
    list("added", to, from, false);
    out_.end_object();
  }

  Result<void> packages(const ImageContent& from, const ImageContent& to) {
    SHIPSET_TRY(const Sbom before, sbom_of(from_, from, from_.name(), events_, cancel_));
    SHIPSET_TRY(const Sbom after, sbom_of(to_, to, to_.name(), events_, cancel_));
    SHIPSET_TRY(const auto was, packages_of(before));
    SHIPSET_TRY(const auto is, packages_of(after));
    std::set<std::string> keys;
    for (const auto& [key, package] : was) keys.insert(key);
    for (const auto& [key, package] : is) keys.insert(key);
    std::size_t equal = 0;
    out_.key("packages").begin_object().member("from_source", before.source).member("to_source", after.source);
    out_.key("changes").begin_array();
    const auto versions = [&](std::string_view side, const std::set<std::string>& all) {
      out_.key(side).begin_array();
      for (const auto& version : all) out_.value(version);
      out_.end_array();
    };
    for (const auto& key : keys) {
      const auto old = was.find(key), now = is.find(key);
      if (old != was.end() && now != is.end() && old->second.versions == now->second.versions) {
        ++equal;
        continue;
      }
      out_.begin_object().member("name", now != is.end() ? now->second.name : old->second.name).member("purl", key);
      out_.member("status", old == was.end() ? "added" : now == is.end() ? "removed" : "changed");
      versions("from", old == was.end() ? std::set<std::string>() : old->second.versions);
      versions("to", now == is.end() ? std::set<std::string>() : now->second.versions);
      out_.end_object();
    }
    out_.end_array().member("equal", static_cast<std::uint64_t>(equal)).end_object();
    return {};
  }

  oci::Store &from_, &to_;
  DiffOptions options_;
  const EventSink& events_;
  CancelToken cancel_;
  JsonWriter out_;
};

/// A place with one tag stands for that image.
Result<bool> is_set(oci::Store& store, const Location& location) {
  if (names_one(location)) return false;
  SHIPSET_TRY(auto tags, store.tags());
  std::erase_if(tags, [](const std::string& tag) { return tag.starts_with(own_prefix); });
  return location.kind == Location::Kind::registry || tags.size() != 1;
}

}  // namespace

Result<std::string> diff_json(const Location& from, const Location& to, const DiffOptions& options,
                              const registry::ClientOptions& client_options, const EventSink& events,
                              const CancelToken& cancel) {
  registry::ClientOptions noting = client_options;
  if (!noting.notes) noting.notes = events;
  registry::Client client(std::move(noting));
  SHIPSET_TRY(const auto one, registry::open_store(from, client, registry::Access::pull, cancel));
  SHIPSET_TRY(const auto other, registry::open_store(to, client, registry::Access::pull, cancel));
  Diff diff(*one, *other, options, events, cancel);
  SHIPSET_TRY(const bool from_is_set, is_set(*one, from));
  SHIPSET_TRY(const bool to_is_set, is_set(*other, to));
  if (from_is_set && to_is_set) return diff.sets();
  SHIPSET_TRY(const oci::Descriptor before, registry::resolve(*one, from));
  SHIPSET_TRY(const oci::Descriptor after, registry::resolve(*other, to));
  return diff.images(before, after);
}

}  // namespace shipset::release
