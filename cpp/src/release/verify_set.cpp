#include "verify_set.hpp"

#include <algorithm>

#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr std::size_t looks_at_once = 8;
constexpr std::uint64_t max_statement_bytes = 40u << 20;

std::string place_in_set(const std::string& variant) {
  return "set > " + printable(variant, 80);
}

bool same_object(const oci::Descriptor& a, const oci::Descriptor& b) {
  return a.digest == b.digest && a.size == b.size && a.media_type == b.media_type;
}

}  // namespace

SetVerifier::SetVerifier(registry::Client& client, const Location& location, const FoundSet& found, SetDemand demand,
                         Verification& result, const EventSink& events, const CancelToken& cancel)
    : client_(client),
      location_(location),
      found_(found),
      set_(found.content.set),
      demand_(demand),
      result_(result),
      events_(events),
      cancel_(cancel),
      places_(location, found.content.set, found.variant) {}

Result<void> SetVerifier::run() {
  VerifiedSet& out = result_.set.emplace();
  out.document = found_.content.document;
  out.name = set_.name;
  out.version = set_.version;
  out.generation = found_.generation;
  out.repository = places_.here();
  SHIPSET_CHECK(open_places());
  std::vector<Job> jobs;
  for (const auto& place : open_)
    for (const auto& variant : set_.variants) {
      if (std::find(variant.repositories.begin(), variant.repositories.end(), place.repository) ==
          variant.repositories.end())
        continue;
      Job job;
      job.place = &place;
      job.variant = &variant;
      for (const auto& tag : set_.tags)
        if (tag.variant == variant.name && tag.repository == place.repository) job.tags.push_back(&tag);
      jobs.push_back(std::move(job));
    }
  // A directory answers at once; threads would only cost.
  const std::size_t threads = location_.kind == Location::Kind::registry ? looks_at_once : 1;
  SHIPSET_CHECK(parallel_for(jobs.size(), threads, cancel_, [&](std::size_t at) { return check(jobs[at]); }));
  collect(jobs);
  return {};
}

Result<void> SetVerifier::open_places() {
  for (const auto& repository : set_.repositories) {
    const auto location = places_.of(repository);
    if (!location) {
      result_.set->not_looked_at.push_back(repository);
      continue;
    }
    Place place;
    place.repository = repository;
    // Elsewhere than in the repositories of the release file, somebody may have copied some variants on purpose.
    place.lenient = demand_ == SetDemand::partial ||
                    (demand_ == SetDemand::if_present && !found_.named && places_.kinship() != SetKinship::same);
    auto store = registry::open_store(*location, client_, registry::Access::read, cancel_);
    if (!store && !is_about_content(store.error())) return std::move(store).error();
    if (store) place.store = std::move(*store);
    open_.push_back(std::move(place));
  }
  return {};
}

/// The reference's own index was read to the last byte before.
bool SetVerifier::read_already(const Job& job) const {
  return job.place->repository == places_.here() && job.variant->index.digest == result_.root.digest;
}

Result<void> SetVerifier::check(Job& job) {
  const std::string place = place_in_set(job.variant->name);
  const Digest& digest = job.variant->index.digest;
  bool present = false;
  if (job.place->store) {
    SHIPSET_TRY(present, job.place->store->has_manifest(digest));
  }
  SHIPSET_TRY(const bool elsewhere, check_tags(job, present));
  if (!present) {
    job.absent = true;
    if (job.place->lenient && !elsewhere) {
      job.findings.clear();
      job.notes = {"variant " + printable(job.variant->name, 80) + " of the set is not here: this is a copy of a part"};
      return {};
    }
    job.findings.push_back({digest, place,
                            "the index of this variant is not in " + job.place->repository +
                                "; of a copy that shall hold only some variants, ask with the set "
                                "\"partial\""});
    return {};
  }
  SHIPSET_TRY(const auto bytes, fetch(job, job.variant->index, place));
  if (!bytes) return {};
  SHIPSET_CHECK(check_index(job, *bytes));
  if (found_.named) {
    SHIPSET_TRY(job.content, oci::validate(*job.place->store, job.variant->index, events_, cancel_));
  }
  return check_own_manifest(job);
}

/// True: an exact tag holds something else than the set manifest says, so the variant is not merely missing.
Result<bool> SetVerifier::check_tags(Job& job, bool present) {
  bool elsewhere = false;
  for (const auto* tag : job.tags) {
    const std::string name = job.place->store ? job.place->store->name() + ":" + tag->tag : tag->tag;
    const std::string place = place_in_set(job.variant->name) + " > tag " + tag->tag;
    std::optional<oci::Descriptor> now;
    if (job.place->store) {
      SHIPSET_TRY(now, job.place->store->resolve(tag->tag));
    }
    if (now && now->digest == tag->points_at.digest) {
      ++job.tags_right;
      continue;
    }
    job.incomplete = job.incomplete || !now || tag->moves == Moves::never;
    if (!now && job.place->lenient) {
      if (present) job.notes.push_back("the tag " + name + " of the set is not here");
    } else if (!now) {
      job.findings.push_back({tag->points_at.digest, place, "the tag is not there"});
    } else if (tag->moves == Moves::never) {
      elsewhere = true;
      job.findings.push_back({tag->points_at.digest, place, "the exact tag holds " + now->digest.str() + " instead"});
    } else {
      job.notes.push_back("the moving tag " + name + " has moved on and holds " + now->digest.str());
    }
  }
  return elsewhere;
}

Result<std::optional<oci::ManifestBytes>> SetVerifier::fetch(Job& job, const oci::Descriptor& object,
                                                             const std::string& place) {
  auto bytes = job.place->store->manifest(object.digest);
  if (!bytes && !is_about_content(bytes.error())) return std::move(bytes).error();
  if (!bytes) {
    job.findings.push_back({object.digest, place, content_text(bytes.error())});
    return std::optional<oci::ManifestBytes>();
  }
  if (bytes->bytes.size() != object.size || bytes->descriptor.media_type != object.media_type)
    job.findings.push_back({object.digest, place,
                            "it has " + std::to_string(bytes->bytes.size()) + " bytes of the type " +
                                printable(bytes->descriptor.media_type, 120) + "; the set manifest says " +
                                std::to_string(object.size) + " of " + printable(object.media_type, 120)});
  return std::optional(std::move(*bytes));
}

Result<void> SetVerifier::check_index(Job& job, const oci::ManifestBytes& bytes) {
  const SetVariant& variant = *job.variant;
  const std::string place = place_in_set(variant.name);
  const auto find = [&](const Digest& digest, std::string message) {
    job.findings.push_back({digest, place, std::move(message)});
  };
  const auto index = oci::Index::parse(bytes.bytes, "the index " + variant.index.digest.str());
  if (!index) {
    find(variant.index.digest, content_text(index.error()));
    return {};
  }
  const auto key = index->annotations.find(std::string(oci::build_key_annotation));
  const std::string annotated = key == index->annotations.end() ? std::string() : key->second;
  if (annotated != variant.build_key)
    find(variant.index.digest, "its build key is " + (annotated.empty() ? "missing" : printable(annotated, 100)) +
                                   "; the set manifest says " + printable(variant.build_key, 100));
  for (const auto& entry : index->manifests) {
    if (oci::is_attestation(entry) || !oci::is_manifest(entry.media_type)) continue;
    const bool listed = std::any_of(variant.images.begin(), variant.images.end(),
                                    [&](const SetImage& image) { return same_object(image.manifest, entry); });
    if (!listed) find(entry.digest, "the index holds an image that the set manifest does not list");
  }
  for (const auto& image : variant.images) SHIPSET_CHECK(check_image(job, *index, image));
  return {};
}

Result<void> SetVerifier::check_image(Job& job, const oci::Index& index, const SetImage& image) {
  const std::string place = place_in_set(job.variant->name) + " > " + image.platform.str();
  const auto entry = std::find_if(index.manifests.begin(), index.manifests.end(),
                                  [&](const oci::Descriptor& one) { return same_object(one, image.manifest); });
  if (entry == index.manifests.end()) {
    job.findings.push_back({image.manifest.digest, place, "the index does not hold this image of the set manifest"});
  } else if (!entry->platform || !entry->platform->matches(image.platform)) {
    job.findings.push_back({image.manifest.digest, place, "the index has this image for another platform"});
  }
  SHIPSET_TRY(const auto bytes, fetch(job, image.manifest, place));
  if (!bytes) return {};
  const auto manifest = oci::Manifest::parse(bytes->bytes, "the manifest " + image.manifest.digest.str());
  if (!manifest) {
    job.findings.push_back({image.manifest.digest, place, content_text(manifest.error())});
    return {};
  }
  std::uint64_t sum = 0;
  for (const auto& layer : manifest->layers) sum += layer.size;
  if (sum != image.layers_bytes)
    job.findings.push_back({image.manifest.digest, place,
                            "its layers have " + std::to_string(sum) + " bytes; the set manifest says " +
                                std::to_string(image.layers_bytes)});
  // What names the set is read in full elsewhere; so was the reference's own index.
  if (!found_.named && !read_already(job)) SHIPSET_CHECK(check_blobs(job, *manifest, place));
  for (const auto& one : image.attestations)
    SHIPSET_CHECK(check_statement(job, one, place + " > " + printable(one.predicate_type, 80)));
  return {};
}

Result<void> SetVerifier::check_blobs(Job& job, const oci::Manifest& manifest, const std::string& place) {
  std::vector<oci::Descriptor> blobs{manifest.config};
  blobs.insert(blobs.end(), manifest.layers.begin(), manifest.layers.end());
  for (const auto& blob : blobs) {
    if (!blob.urls.empty()) continue;  // content that lives elsewhere on purpose
    SHIPSET_TRY(const bool there, job.place->store->has_blob(blob));
    if (!there)
      job.findings.push_back({blob.digest, place, "a blob of " + std::to_string(blob.size) + " bytes is not there"});
  }
  return {};
}

/// SBOM and provenance are read whole: they are what people take their decisions from.
Result<void> SetVerifier::check_statement(Job& job, const SetAttestation& attestation, const std::string& place) {
  SHIPSET_TRY(const auto bytes, fetch(job, attestation.manifest, place));
  if (!bytes) return {};
  const auto manifest =
      oci::Manifest::parse(bytes->bytes, "the attestation manifest " + attestation.manifest.digest.str());
  const bool listed = manifest && std::any_of(manifest->layers.begin(), manifest->layers.end(), [&](const auto& layer) {
                        const auto type = layer.annotations.find("in-toto.io/predicate-type");
                        return same_object(layer, attestation.statement) && type != layer.annotations.end() &&
                               type->second == attestation.predicate_type;
                      });
  if (!listed) {
    job.findings.push_back({attestation.statement.digest, place, "its manifest does not carry this statement"});
    return {};
  }
  if (attestation.statement.size > max_statement_bytes) {
    job.notes.push_back("a statement of " + place + " is larger than 40 MiB and was looked up, not read");
    SHIPSET_TRY(const bool there, job.place->store->has_blob(attestation.statement));
    if (!there) job.findings.push_back({attestation.statement.digest, place, "the statement is not there"});
    return {};
  }
  auto source = job.place->store->blob(attestation.statement);
  Result<void> read;
  if (!source) {
    read = std::move(source).error();
  } else if (auto reader = (*source)->open(); !reader) {
    read = std::move(reader).error();
  } else if (auto text = read_all(**reader, max_statement_bytes, "the statement"); !text) {
    read = std::move(text).error();
  }
  if (!read && !is_about_content(read.error())) return read;
  if (!read) job.findings.push_back({attestation.statement.digest, place, content_text(read.error())});
  return {};
}

/// Whoever looks at any variant must find the same set.
Result<void> SetVerifier::check_own_manifest(Job& job) {
  const Digest& digest = job.variant->index.digest;
  const std::string place = place_in_set(job.variant->name);
  SHIPSET_TRY(const auto notes, find_sets(*job.place->store, digest));
  const auto newest = std::find_if(notes.begin(), notes.end(), [&](const SetNote& note) {
    return note.name == set_.name && note.version == set_.version;
  });
  if (newest == notes.end()) {
    job.findings.push_back({digest, place, "no set manifest of this release refers to this variant"});
  } else if (newest->document != found_.content.document.digest) {
    job.findings.push_back({newest->artifact.digest, place,
                            "the newest set manifest that refers to this variant is another one: its document is " +
                                newest->document.str()});
  } else if (!read_already(job) || found_.named) {
    const auto content = read_set(*job.place->store, newest->artifact, digest);
    if (!content && !is_about_content(content.error())) return content.error();
    if (!content) job.findings.push_back({newest->artifact.digest, place, content_text(content.error())});
  }
  return {};
}

void SetVerifier::collect(std::vector<Job>& jobs) {
  VerifiedSet& out = *result_.set;
  out.whole = out.not_looked_at.empty();
  for (auto& job : jobs) {
    auto& content = result_.content;
    content.indexes += job.content.indexes;
    content.manifests += job.content.manifests;
    content.configs += job.content.configs;
    content.layers += job.content.layers;
    content.attestations += job.content.attestations;
    content.bytes += job.content.bytes;
    for (auto& finding : job.content.findings) {
      finding.place = place_in_set(job.variant->name) + " > " + finding.place;
      job.findings.push_back(std::move(finding));
    }
    const bool right = job.findings.empty() && !job.absent;
    out.variants += right ? 1 : 0;
    out.tags += job.tags_right;
    out.whole = out.whole && right && !job.incomplete;
    content.findings.insert(content.findings.end(), job.findings.begin(), job.findings.end());
    result_.notes.insert(result_.notes.end(), job.notes.begin(), job.notes.end());
  }
  for (const auto& repository : out.not_looked_at)
    result_.notes.push_back(repository + " is part of the set and was not looked at: verify a reference there");
}

}  // namespace shipset::release
