// After the commit point: the set manifest is made from what was released and put beside every variant index, at every
// destination. What is there already is not written again, so an interrupted publication is finished by another one.
#include <algorithm>
#include <functional>

#include "run.hpp"
#include "set_maker.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {
constexpr std::size_t looks_at_once = 8;

/// One variant index at one destination, with the set manifests that it has there.
struct Post {
  std::size_t target = 0;
  oci::Descriptor index;
  std::vector<SetNote> notes;
};

bool same_release(const SetNote& note, const SetManifest& set) {
  return note.name == set.name && note.version == set.version;
}

/// The newest number in use, or the next one when what has it is not this document.
std::uint64_t choose_generation(const std::vector<Post>& posts, const SetDocument& document) {
  std::uint64_t newest = 0;
  for (const auto& post : posts)
    for (const auto& note : post.notes)
      if (same_release(note, document.set)) newest = std::max(newest, note.generation);
  if (newest == 0) return 1;
  for (const auto& post : posts)
    for (const auto& note : post.notes)
      if (same_release(note, document.set) && note.generation == newest && note.document != document.descriptor.digest)
        return newest + 1;
  return newest;
}

class Publisher {
 public:
  /// Hears of every artifact manifest that has no tag of its own, before it is put.
  using Note = std::function<Result<void>(const oci::Store& store, const oci::Descriptor& manifest)>;

  Publisher(const SetDocument& document, const EventSink& events, Note note)
      : document_(document), events_(events), note_(std::move(note)) {}

  /// One artifact manifest; in the legacy form when the registry refuses the other. `tag` empty: by digest.
  Result<void> put(oci::Store& store, const oci::Descriptor* subject, const std::string& tag, bool legacy,
                   TargetReport& row) {
    auto done = put_form(store, set_artifact(document_, subject, legacy), tag, row);
    if (done || legacy || done.error().kind != ErrorKind::registry) return done;
    auto again = put_form(store, set_artifact(document_, subject, true), tag, row);
    return again ? again : done;
  }

 private:
  Result<void> put_form(oci::Store& store, const SetArtifact& artifact, const std::string& tag, TargetReport& row) {
    SHIPSET_CHECK(put_blob(store, document_.descriptor, document_.bytes, row));
    SHIPSET_CHECK(put_blob(store, artifact.config, artifact.config_bytes, row));
    if (tag.empty()) {
      SHIPSET_CHECK(note_(store, artifact.descriptor));
      SHIPSET_CHECK(store.put_manifest(artifact.descriptor, artifact.bytes));
    } else {
      SHIPSET_CHECK(store.put_tag(tag, artifact.descriptor, artifact.bytes));
    }
    const std::lock_guard lock(mutex_);
    ++row.manifests_pushed;
    emit(events_, {EventKind::manifest_pushed, "set", artifact.descriptor.digest.str(), {}, 0, 0, {}});
    return {};
  }

  /// Every artifact manifest of a repository has the same blobs: the first one brings them.
  Result<void> put_blob(oci::Store& store, const oci::Descriptor& blob, const std::string& bytes, TargetReport& row) {
    const std::lock_guard lock(mutex_);
    if (!there_.emplace(&store, blob.digest).second) return {};
    auto put = store.put_blob(blob, *memory_source(bytes), events_, {});
    if (!put) {
      there_.erase({&store, blob.digest});
      return std::move(put).error();
    }
    ++(put->sent > 0 ? row.blobs_moved : row.blobs_present);
    row.bytes_moved += put->sent;
    row.bytes_again += put->again;
    return {};
  }

  const SetDocument& document_;
  const EventSink& events_;
  const Note note_;
  std::mutex mutex_;
  std::set<std::pair<oci::Store*, Digest>> there_;
};

/// The tag of the set, unless it holds this document. What else it may hold is an older one of this very release.
Result<bool> tag_is_right(oci::Store& store, const std::string& tag, const SetDocument& document) {
  SHIPSET_TRY(const auto at, store.resolve(tag));
  if (!at) return false;
  SHIPSET_TRY(const auto note, tagged_set(store, *at));
  if (note && same_release(*note, document.set))
    return note->document == document.descriptor.digest && note->generation == document.generation;
  return Error(ErrorKind::tag_conflict, "the tag " + store.name() + ":" + tag + " holds other content",
               "it holds " + at->digest.str() + ", which is no set manifest of this release",
               "remove that tag, or set_tag from [release]")
      .with("tag", tag);
}

}  // namespace

Result<void> Run::publish_set() {
  SetMaker maker(*this);
  SHIPSET_TRY(SetManifest set, maker.make());
  if (set.variants.empty()) return {};
  std::vector<Post> posts;
  for (std::size_t target = 0; target < targets_.size(); ++target)
    for (const auto& variant : set.variants)
      if (std::find(variant.repositories.begin(), variant.repositories.end(), plan_.targets[target].repository) !=
              variant.repositories.end() &&
          maker.is_released_at(variant.name, target))
        posts.push_back({target, variant.index, {}});
  SHIPSET_CHECK(parallel_for(posts.size(), looks_at_once, {}, [&](std::size_t at) -> Result<void> {
    SHIPSET_TRY(posts[at].notes, find_sets(*targets_[posts[at].target], posts[at].index.digest));
    return {};
  }));
  for (const auto& post : posts) SHIPSET_CHECK(maker.take_gates(set, *targets_[post.target], post.index, post.notes));
  SetDocument document = make_set_document(std::move(set));
  document.generation = choose_generation(posts, document);
  Publisher publisher(document, events_, [this](const oci::Store& store, const oci::Descriptor& manifest) {
    const auto at = std::find(targets_.begin(), targets_.end(), &store) - targets_.begin();
    return note(record::set({anchored(plan_.targets[static_cast<std::size_t>(at)].location), manifest}));
  });
  const auto legacy = [&](std::size_t target) {
    if (plan_.legacy_attestations) return true;
    const auto& location = plan_.targets[target].location;
    return location.kind == Location::Kind::registry &&
           stores_.profile(location).empty_config.value == std::optional(false);
  };
  SHIPSET_CHECK(parallel_for(posts.size(), looks_at_once, {}, [&](std::size_t at) -> Result<void> {
    const Post& post = posts[at];
    const bool there = std::any_of(post.notes.begin(), post.notes.end(), [&](const SetNote& note) {
      return same_release(note, document.set) && note.document == document.descriptor.digest &&
             note.generation == document.generation;
    });
    if (there) return {};
    return publisher.put(*targets_[post.target], &post.index, {}, legacy(post.target), report_.targets[post.target]);
  }));
  std::set<std::size_t> tagged;
  for (const auto& post : posts) {
    if (plan_.set.tag.empty() || !tagged.insert(post.target).second) continue;
    SHIPSET_TRY(const bool right, tag_is_right(*targets_[post.target], plan_.set.tag, document));
    if (right) continue;
    SHIPSET_CHECK(publisher.put(*targets_[post.target], nullptr, plan_.set.tag, legacy(post.target),
                                report_.targets[post.target]));
  }
  report_.set = document.descriptor;
  return {};
}

}  // namespace shipset::release
