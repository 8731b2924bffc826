// The document of a set as canonical JSON, and back. What is read comes from a registry: every member is checked.
#include <nlohmann/json.hpp>
#include <set>

#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/release/set.hpp"

namespace shipset::release {

namespace {

constexpr std::string_view kind_name = "shipset.set";
constexpr JsonLimits set_limits{max_set_bytes, 16, 500'000};

Json texts(const std::vector<std::string>& list) {
  Json out = Json::array();
  for (const auto& text : list) out.push_back(text);
  return out;
}

/// As OCI writes descriptors, without what belongs to the place that lists it.
Json descriptor(const oci::Descriptor& one) {
  return {{"mediaType", one.media_type}, {"digest", one.digest.str()}, {"size", one.size}};
}

Json image_json(const SetImage& image) {
  Json attestations = Json::array();
  for (const auto& one : image.attestations)
    attestations.push_back({{"predicate_type", one.predicate_type},
                            {"manifest", descriptor(one.manifest)},
                            {"statement", descriptor(one.statement)}});
  return {{"platform", image.platform.full_str()},
          {"manifest", descriptor(image.manifest)},
          {"layers_size_bytes", image.layers_bytes},
          {"hardware", texts(image.hardware)},
          {"attestations", std::move(attestations)}};
}

Json variant_json(const SetVariant& variant) {
  Json images = Json::array();
  for (const auto& image : variant.images) images.push_back(image_json(image));
  return {{"name", variant.name},
          {"suffix", variant.suffix},
          {"build_key", variant.build_key},
          {"repositories", texts(variant.repositories)},
          {"hardware", texts(variant.hardware)},
          {"index", descriptor(variant.index)},
          {"images", std::move(images)}};
}

Json tag_json(const SetTag& tag) {
  Json platforms = Json::array();
  for (const auto& platform : tag.platforms) platforms.push_back(platform.full_str());
  return {{"repository", tag.repository},
          {"tag", tag.tag},
          {"variant", tag.variant},
          {"moves", std::string(to_string(tag.moves))},
          {"platforms", std::move(platforms)},
          {"points_at", descriptor(tag.points_at)}};
}

/// Reads members and keeps the first thing that is wrong; what follows it does no harm.
class Reading {
 public:
  explicit Reading(std::string_view object) : object_(object) {}

  void wrong(const std::string& place, const std::string& why) {
    if (!error_) error_ = Error(ErrorKind::verify, object_ + " is no set manifest", place + ": " + why);
  }
  [[nodiscard]] bool good() const { return !error_; }
  [[nodiscard]] Error error() const { return *error_; }

  const Json& member(const Json& json, const char* name, const std::string& place) {
    static const Json nothing;
    const auto at = json.is_object() ? json.find(name) : json.end();
    if (!json.is_object() || at == json.end()) {
      wrong(place, std::string("\"") + name + "\" is missing");
      return nothing;
    }
    return *at;
  }
  std::string text(const Json& json, const char* name, const std::string& place, bool may_be_empty = false) {
    const Json& at = member(json, name, place);
    if (!at.is_string() || (!may_be_empty && at.get_ref<const std::string&>().empty())) {
      wrong(place, std::string("\"") + name + "\" is no text");
      return {};
    }
    return at.get<std::string>();
  }
  std::uint64_t number(const Json& json, const char* name, const std::string& place) {
    const Json& at = member(json, name, place);
    if (!at.is_number_integer() || (!at.is_number_unsigned() && at.get<std::int64_t>() < 0)) {
      wrong(place, std::string("\"") + name + "\" is no size");
      return 0;
    }
    return at.get<std::uint64_t>();
  }
  const Json& list(const Json& json, const char* name, const std::string& place) {
    static const Json empty = Json::array();
    const Json& at = member(json, name, place);
    if (at.is_array()) return at;
    wrong(place, std::string("\"") + name + "\" is no list");
    return empty;
  }
  std::vector<std::string> texts(const Json& json, const char* name, const std::string& place) {
    std::vector<std::string> out;
    for (const auto& entry : list(json, name, place)) {
      if (entry.is_string())
        out.push_back(entry.get<std::string>());
      else
        wrong(place, std::string("\"") + name + "\" holds something that is no text");
    }
    return out;
  }
  oci::Descriptor descriptor(const Json& json, const char* name, const std::string& place) {
    oci::Descriptor out;
    const std::string inner = place + " > " + name;
    const Json& at = member(json, name, place);
    if (!good()) return out;
    out.media_type = text(at, "mediaType", inner);
    out.size = number(at, "size", inner);
    const auto digest = Digest::parse(text(at, "digest", inner));
    if (digest)
      out.digest = *digest;
    else
      wrong(inner, digest.error().what);
    return out;
  }
  Platform platform(const std::string& written, const std::string& place) {
    auto parsed = Platform::parse(written);
    if (parsed) return std::move(*parsed);
    wrong(place, "\"" + printable(written, 80) + "\" is no platform");
    return {};
  }
  std::vector<std::string> repositories(const Json& json, const std::string& place) {
    auto out = texts(json, "repositories", place);
    for (const auto& name : out) {
      const auto parsed = Reference::parse(name);
      if (!parsed || parsed->name() != name) wrong(place, "\"" + printable(name, 200) + "\" is no repository");
    }
    return out;
  }

 private:
  std::string object_;
  std::optional<Error> error_;
};

std::string place_of(const char* list, std::size_t at) {
  return std::string(list) + "[" + std::to_string(at) + "]";
}

SetImage read_image(Reading& reading, const Json& json, const std::string& place) {
  SetImage out;
  out.platform = reading.platform(reading.text(json, "platform", place), place);
  out.manifest = reading.descriptor(json, "manifest", place);
  out.layers_bytes = reading.number(json, "layers_size_bytes", place);
  out.hardware = reading.texts(json, "hardware", place);
  for (const auto& entry : reading.list(json, "attestations", place)) {
    if (!reading.good()) return out;
    out.attestations.push_back({reading.text(entry, "predicate_type", place),
                                reading.descriptor(entry, "manifest", place),
                                reading.descriptor(entry, "statement", place)});
  }
  return out;
}

SetVariant read_variant(Reading& reading, const Json& json, const std::string& place) {
  SetVariant out;
  out.name = reading.text(json, "name", place);
  out.suffix = reading.text(json, "suffix", place, true);
  out.build_key = reading.text(json, "build_key", place, true);
  out.repositories = reading.repositories(json, place);
  out.hardware = reading.texts(json, "hardware", place);
  out.index = reading.descriptor(json, "index", place);
  std::size_t at = 0;
  for (const auto& image : reading.list(json, "images", place)) {
    if (!reading.good()) return out;
    out.images.push_back(read_image(reading, image, place + " > " + place_of("images", at++)));
  }
  return out;
}

SetTag read_tag(Reading& reading, const Json& json, const std::string& place) {
  SetTag out;
  out.repository = reading.text(json, "repository", place);
  out.tag = reading.text(json, "tag", place);
  out.variant = reading.text(json, "variant", place);
  const std::string moves = reading.text(json, "moves", place);
  out.moves = moves == "forward" ? Moves::forward : moves == "always" ? Moves::always : Moves::never;
  for (const auto& platform : reading.texts(json, "platforms", place))
    out.platforms.push_back(reading.platform(platform, place));
  out.points_at = reading.descriptor(json, "points_at", place);
  if (!check_tag(out.tag)) reading.wrong(place, "\"" + printable(out.tag, 150) + "\" is no tag");
  return out;
}

/// Far beyond any release; each costs whoever verifies the set a request.
constexpr std::size_t most_variants = 2'000, most_tags = 20'000, most_images = 100, most_statements = 100;

void check_size(Reading& reading, const SetManifest& set) {
  if (set.variants.size() > most_variants || set.tags.size() > most_tags)
    reading.wrong("document", "it lists more variants or tags than any release has");
  for (const auto& variant : set.variants) {
    if (variant.images.size() > most_images) reading.wrong("variants", "one has more platforms than there are");
    for (const auto& image : variant.images)
      if (image.attestations.size() > most_statements) reading.wrong("images", "one has too many statements");
  }
}

/// Names that are used twice, and what points at nothing.
void check_whole(Reading& reading, const SetManifest& set) {
  const std::set<std::string> repositories(set.repositories.begin(), set.repositories.end());
  std::set<std::string> names;
  for (const auto& variant : set.variants) {
    if (!names.insert(variant.name).second)
      reading.wrong("variants", "\"" + printable(variant.name, 80) + "\" is there twice");
    for (const auto& repository : variant.repositories)
      if (!repositories.contains(repository))
        reading.wrong("variants", "a repository of \"" + printable(variant.name, 80) + "\" is not one of the set");
  }
  std::set<std::pair<std::string, std::string>> tags;
  for (const auto& tag : set.tags) {
    if (!tags.emplace(tag.repository, tag.tag).second)
      reading.wrong("tags", "\"" + printable(tag.tag, 150) + "\" is there twice");
    if (!names.contains(tag.variant) || !repositories.contains(tag.repository))
      reading.wrong("tags", "\"" + printable(tag.tag, 150) + "\" is of a variant or repository that is not in the set");
  }
}

}  // namespace

std::string SetManifest::to_bytes() const {
  Json json{{"schema_version", set_schema_version},
            {"kind", std::string(kind_name)},
            {"name", name},
            {"version", version},
            {"scheme", scheme},
            {"repositories", texts(repositories)}};
  json["variants"] = json["tags"] = json["gates"] = json["left_out"] = Json::array();
  for (const auto& variant : variants) json["variants"].push_back(variant_json(variant));
  for (const auto& tag : tags) json["tags"].push_back(tag_json(tag));
  for (const auto& gate : gates)
    json["gates"].push_back({{"name", gate.name},
                             {"at", gate.at},
                             {"result", gate.result},
                             {"required", gate.required},
                             {"variants", texts(gate.variants)},
                             {"judged", texts(gate.judged)},
                             {"evidence", gate.evidence}});
  for (const auto& one : left_out) json["left_out"].push_back({{"name", one.name}, {"why", one.why}});
  return canonical_json(json);
}

Result<SetManifest> SetManifest::parse(std::string_view bytes, std::string_view object) {
  SHIPSET_TRY(const Json json, parse_json(bytes, object, ErrorKind::verify, set_limits));
  Reading reading(object);
  SetManifest out;
  if (reading.text(json, "kind", "document") != kind_name) reading.wrong("document", "it is of another kind");
  if (reading.good() && reading.number(json, "schema_version", "document") != set_schema_version)
    reading.wrong("document", "it has a schema version that this program does not know");
  if (!reading.good()) return reading.error();
  out.name = reading.text(json, "name", "document");
  out.version = reading.text(json, "version", "document", true);
  out.scheme = reading.text(json, "scheme", "document");
  out.repositories = reading.repositories(json, "document");
  std::size_t at = 0;
  for (const auto& entry : reading.list(json, "variants", "document")) {
    if (!reading.good()) break;
    out.variants.push_back(read_variant(reading, entry, place_of("variants", at++)));
  }
  at = 0;
  for (const auto& entry : reading.list(json, "tags", "document")) {
    if (!reading.good()) break;
    out.tags.push_back(read_tag(reading, entry, place_of("tags", at++)));
  }
  at = 0;
  for (const auto& entry : reading.list(json, "gates", "document")) {
    const std::string place = place_of("gates", at++);
    const Json& required = reading.member(entry, "required", place);
    if (!required.is_boolean()) reading.wrong(place, "\"required\" is neither true nor false");
    if (!reading.good()) break;
    out.gates.push_back({reading.text(entry, "name", place), reading.text(entry, "at", place),
                         reading.text(entry, "result", place), required.get<bool>(),
                         reading.texts(entry, "variants", place), reading.texts(entry, "judged", place),
                         reading.text(entry, "evidence", place, true)});
  }
  at = 0;
  for (const auto& entry : reading.list(json, "left_out", "document")) {
    const std::string place = place_of("left_out", at++);
    if (!reading.good()) break;
    out.left_out.push_back({reading.text(entry, "name", place), reading.text(entry, "why", place)});
  }
  check_size(reading, out);
  if (reading.good()) check_whole(reading, out);
  if (!reading.good()) return reading.error();
  return out;
}

const SetVariant* SetManifest::find(std::string_view variant) const {
  for (const auto& one : variants)
    if (one.name == variant) return &one;
  return nullptr;
}

}  // namespace shipset::release
