#include "shipset/oci/validate.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"
#include "validate_impl.hpp"

namespace shipset::oci {

using detail::BlobFacts;
using detail::BlobRole;

namespace {

constexpr std::size_t max_index_depth = 16;
constexpr std::string_view predicate_type_key = "in-toto.io/predicate-type";

/// One place where a blob is used, and what must hold there.
struct Use {
  Descriptor blob;
  BlobRole role = BlobRole::plain;
  std::string place;
  Digest diff_id;  ///< role layer
  Digest image;    ///< role statement: what its subjects must be; empty: unknown
};

bool is_image_config(std::string_view type) {
  return type == media_type::config || type == media_type::docker_config;
}

bool same_platform(const Platform& entry, const Platform& config) {
  const Platform a = entry.normalized(), b = config.normalized();
  return a.os == b.os && a.architecture == b.architecture && a.variant == b.variant &&
         (a.os_version.empty() || b.os_version.empty() || a.os_version == b.os_version);
}

class Validator {
 public:
  Validator(Store& store, const EventSink& events, const CancelToken& cancel)
      : store_(store), events_(events), cancel_(cancel) {}

  Result<ValidationReport> run(const Descriptor& root) {
    if (!is_index(root.media_type) && !is_manifest(root.media_type)) {
      find(root.digest, "root", "media type \"" + printable(root.media_type, 120) + "\" is neither manifest nor index");
      return report_;
    }
    SHIPSET_CHECK(walk(root, is_index(root.media_type) ? "index" : "manifest", {}, 0));
    SHIPSET_CHECK(read_blobs());
    for (const auto& use : uses_) judge(use);
    return report_;
  }

 private:
  void find(const Digest& digest, std::string place, std::string message) {
    report_.findings.push_back({digest, std::move(place), std::move(message)});
  }

  /// The bytes of a manifest, if they hold.
  Result<std::optional<ManifestBytes>> fetch(const Descriptor& object, const std::string& place) {
    SHIPSET_CHECK(cancel_.check());
    auto got = store_.manifest(object.digest);
    if (!got && !detail::is_finding(got.error())) return std::move(got).error();
    if (!got) {
      find(object.digest, place, detail::finding_text(got.error()));
      return std::optional<ManifestBytes>();
    }
    report_.bytes += got->bytes.size();
    if (object.size != got->bytes.size())
      find(
          object.digest, place,
          "it has " + std::to_string(got->bytes.size()) + " bytes, its descriptor says " + std::to_string(object.size));
    if (object.media_type != got->descriptor.media_type)
      find(object.digest, place,
           "it is of type " + printable(got->descriptor.media_type, 120) + ", its descriptor says " +
               printable(object.media_type, 120));
    return std::optional<ManifestBytes>(std::move(*got));
  }

  /// `image` is what an attestation manifest is about; empty for everything else.
  Result<void> walk(const Descriptor& object, const std::string& place, const Digest& image, std::size_t depth) {
    if (depth > max_index_depth) {
      find(object.digest, place, "indexes are nested deeper than " + std::to_string(max_index_depth));
      return {};
    }
    // Shared manifests are looked at once; what their place promises (platform, image) is compared at each place.
    if (!seen_.emplace(object.digest.str() + " " + image.str() + " " + platform_text(object)).second) return {};
    SHIPSET_TRY(const auto got, fetch(object, place));
    if (!got) return {};
    const std::string name = "manifest " + object.digest.str();
    if (is_index(got->descriptor.media_type)) {
      auto index = Index::parse(got->bytes, name);
      if (index) return walk_index(*index, place, depth);
      find(object.digest, place, detail::finding_text(index.error()));
      return {};
    }
    auto manifest = Manifest::parse(got->bytes, name);
    if (manifest) return walk_manifest(object, *manifest, place, image);
    find(object.digest, place, detail::finding_text(manifest.error()));
    return {};
  }

  static std::string platform_text(const Descriptor& object) { return object.platform ? object.platform->str() : ""; }

  static std::string entry_name(const Index& index, std::size_t i) {
    const Descriptor& entry = index.manifests[i];
    if (is_attestation(entry)) {
      const auto about = entry.annotations.find(std::string(reference_digest_key));
      for (const auto& other : index.manifests)
        if (about != entry.annotations.end() && other.digest.str() == about->second && other.platform)
          return "attestation of " + other.platform->str();
      return "attestation " + std::to_string(i + 1);
    }
    return entry.platform ? entry.platform->str() : "manifest " + std::to_string(i + 1);
  }

  /// What the attestation of an index is about, if that image is in the same index.
  Digest attested_image(const Index& index, const Descriptor& entry, const std::string& place) {
    const auto about = entry.annotations.find(std::string(reference_digest_key));
    for (const auto& other : index.manifests)
      if (about != entry.annotations.end() && other.digest.str() == about->second && !is_attestation(other))
        return other.digest;
    find(entry.digest, place,
         about == entry.annotations.end()
             ? "the annotation " + std::string(reference_digest_key) + " is missing"
             : "it is about " + printable(about->second, 120) + ", which is no image of this index");
    return {};
  }

  Result<void> walk_index(const Index& index, const std::string& place, std::size_t depth) {
    ++report_.indexes;
    for (std::size_t i = 0; i < index.manifests.size(); ++i) {
      const Descriptor& entry = index.manifests[i];
      const std::string below = place + " > " + printable(entry_name(index, i), 120);
      const Digest image = is_attestation(entry) ? attested_image(index, entry, below) : Digest();
      if (is_manifest(entry.media_type) || is_index(entry.media_type))
        SHIPSET_CHECK(walk(entry, below, image, depth + 1));
      else
        uses_.push_back({entry, BlobRole::plain, below, {}, {}});
    }
    return {};
  }

  Result<void> walk_manifest(const Descriptor& object, const Manifest& manifest, const std::string& place,
                             const Digest& annotated) {
    const bool statements = std::any_of(manifest.layers.begin(), manifest.layers.end(),
                                        [](const auto& layer) { return layer.media_type == media_type::in_toto; });
    ++(statements ? report_.attestations : report_.manifests);
    Digest image = annotated;
    if (statements && manifest.subject) {
      if (!image.empty() && manifest.subject->digest != image)
        find(object.digest, place,
             "its subject is " + manifest.subject->digest.str() + ", the index says " + image.str());
      if (image.empty()) image = manifest.subject->digest;
    }
    std::vector<Digest> diff_ids;
    if (is_image_config(manifest.config.media_type)) {
      SHIPSET_TRY(diff_ids, read_config(object, manifest, place, statements));
    } else {
      uses_.push_back({manifest.config, BlobRole::plain, place + " > config", {}, {}});
    }
    for (std::size_t i = 0; i < manifest.layers.size(); ++i)
      use_layer(manifest.layers[i], place + " > layer " + std::to_string(i + 1),
                i < diff_ids.size() ? diff_ids[i] : Digest(), image);
    return {};
  }

  void use_layer(const Descriptor& layer, std::string place, const Digest& diff_id, const Digest& image) {
    if (layer.media_type == media_type::in_toto) {
      if (!diff_id.empty() && diff_id != layer.digest)
        find(layer.digest, place, "the config gives " + diff_id.str() + " for this statement");
      uses_.push_back({layer, BlobRole::statement, std::move(place), {}, image});
      return;
    }
    ++report_.layers;
    uses_.push_back({layer, diff_id.empty() ? BlobRole::plain : BlobRole::layer, std::move(place), diff_id, {}});
  }

  /// The diff ids of an image, with its platform compared.
  Result<std::vector<Digest>> read_config(const Descriptor& object, const Manifest& manifest, const std::string& place,
                                          bool statements) {
    const std::string below = place + " > config";
    auto bytes = config_bytes(manifest.config);
    if (!bytes && !detail::is_finding(bytes.error())) return std::move(bytes).error();
    if (!bytes) {
      find(manifest.config.digest, below, detail::finding_text(bytes.error()));
      return std::vector<Digest>();
    }
    ++report_.configs;
    report_.bytes += bytes->size();
    auto config = ImageConfig::parse(*bytes, "config " + manifest.config.digest.str());
    if (!config) {
      find(manifest.config.digest, below, detail::finding_text(config.error()));
      return std::vector<Digest>();
    }
    if (object.platform && !same_platform(*object.platform, config->platform))
      find(manifest.config.digest, below,
           "its platform is " + printable(config->platform.str(), 80) + ", the index says " +
               printable(object.platform->str(), 80));
    if (config->diff_ids.size() != manifest.layers.size())
      find(manifest.config.digest, below,
           "it has " + std::to_string(config->diff_ids.size()) + " diff ids for " +
               std::to_string(manifest.layers.size()) + (statements ? " statements" : " layers"));
    return std::move(config->diff_ids);
  }

  Result<std::string> config_bytes(const Descriptor& config) {
    SHIPSET_TRY(const auto source, store_.blob(config));
    SHIPSET_TRY(const auto reader, source->open());
    return read_all(*reader, std::uint64_t(8) << 20, "config " + config.digest.str());
  }

  /// Every distinct blob once, largest first.
  Result<void> read_blobs() {
    std::vector<const Use*> distinct;
    for (const auto& use : uses_)
      if (facts_.try_emplace(key(use)).second) distinct.push_back(&use);
    std::stable_sort(distinct.begin(), distinct.end(),
                     [](const Use* a, const Use* b) { return a->blob.size > b->blob.size; });
    std::mutex mutex;
    return parallel_for(distinct.size(), 4, cancel_, [&](std::size_t i) -> Result<void> {
      const Use& use = *distinct[i];
      const std::string_view algorithm = use.diff_id.computable() ? use.diff_id.algorithm() : "sha256";
      SHIPSET_TRY(auto facts, detail::read_blob(store_, use.blob, use.role, algorithm, events_, cancel_));
      const std::lock_guard lock(mutex);
      report_.bytes += facts.bytes;
      facts_[key(use)] = std::move(facts);
      return {};
    });
  }

  static std::string key(const Use& use) {
    return use.blob.digest.str() + " " + std::to_string(static_cast<int>(use.role)) + " " +
           std::to_string(use.blob.size) + " " + use.blob.media_type;
  }

  void judge(const Use& use) {
    const BlobFacts& facts = facts_[key(use)];
    if (!facts.problem.empty()) {
      if (use.blob.urls.empty()) find(use.blob.digest, use.place, facts.problem);
      return;
    }
    if (use.role == BlobRole::layer && facts.diff_id != use.diff_id)
      find(use.blob.digest, use.place,
           "its diff id is " + facts.diff_id.str() + ", the config says " + use.diff_id.str());
    if (use.role == BlobRole::statement) judge_statement(use, facts);
  }

  void judge_statement(const Use& use, const BlobFacts& facts) {
    if (facts.statement_type.rfind("https://in-toto.io/Statement/", 0) != 0)
      find(use.blob.digest, use.place,
           "it is no in-toto statement: _type is \"" + printable(facts.statement_type, 80) + "\"");
    const auto promised = use.blob.annotations.find(std::string(predicate_type_key));
    if (promised != use.blob.annotations.end() && promised->second != facts.predicate_type)
      find(use.blob.digest, use.place,
           "its predicate type is " + printable(facts.predicate_type, 120) + ", the annotation says " +
               printable(promised->second, 120));
    for (const auto& [algorithm, hex] : facts.subject_digests)
      if (!use.image.empty() && algorithm == use.image.algorithm() && hex != use.image.encoded())
        find(use.blob.digest, use.place,
             "its subject is " + printable(algorithm + ":" + hex, 160) + ", it belongs to " + use.image.str());
  }

  Store& store_;
  const EventSink& events_;
  const CancelToken& cancel_;
  ValidationReport report_;
  std::set<std::string> seen_;
  std::vector<Use> uses_;
  std::map<std::string, BlobFacts> facts_;
};

}  // namespace

Result<ValidationReport> validate(Store& store, const Descriptor& root, const EventSink& events,
                                  const CancelToken& cancel) {
  return Validator(store, events, cancel).run(root);
}

}  // namespace shipset::oci
