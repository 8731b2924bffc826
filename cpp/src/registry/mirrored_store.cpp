#include <optional>

#include "mirrored_store_impl.hpp"

namespace shipset::registry {

namespace {
/// So much is read and checked before the first byte is passed on; larger blobs are checked while they pass.
constexpr std::uint64_t checked_ahead_bytes = 1u << 20;

bool ends_everything(const Error& error) {
  return error.kind == ErrorKind::cancelled;
}

/// Reads a blob from the first place that has it and goes on at the next one after a break.
class MirroredReader final : public Reader {
 public:
  MirroredReader(std::shared_ptr<MirrorPlaces> places, oci::Descriptor blob, std::uint64_t offset)
      : places_(std::move(places)), blob_(std::move(blob)), position_(offset) {
    if (offset == 0 && blob_.digest.computable()) hasher_.emplace(blob_.digest.algorithm());
  }

  Result<void> begin() {
    for (; next_ < places_->mirrors.size(); ++next_) {
      MirrorPlace& place = *places_->mirrors[next_];
      if (place.out || place.pulls == Mirror::Pulls::by_tag) continue;
      auto opened = open_at(*place.store);
      if (opened) {
        reader_ = std::move(*opened);
        places_->serves(place);
        return {};
      }
      if (ends_everything(opened.error())) return std::move(opened).error();
      places_->failed(place, opened.error());
    }
    SHIPSET_TRY(reader_, open_at(*places_->origin));
    return {};
  }

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    for (;;) {
      if (!reader_) SHIPSET_CHECK(begin());
      auto count = reader_->read(buffer);
      if (count) {
        position_ += *count;
        if (hasher_) hasher_->update(std::span<const std::byte>(buffer).first(*count));
        if (position_ == blob_.size && hasher_ && *count > 0) SHIPSET_CHECK(check_end());
        return count;
      }
      if (next_ >= places_->mirrors.size() || ends_everything(count.error())) return count;
      MirrorPlace& place = *places_->mirrors[next_];
      places_->failed(place, count.error());
      const bool wrong = count.error().kind == ErrorKind::verify;
      // Bytes that turned out wrong have been passed on already: whoever took them must begin again.
      if (wrong && position_ > 0) return std::move(count).error().with("mirror", place.store->name());
      ++next_;
      mixed_ = true;
      reader_.reset();
    }
  }

 private:
  Result<std::unique_ptr<Reader>> open_at(oci::Store& store) {
    SHIPSET_TRY(source_, store.blob(blob_));
    return source_->open(position_);
  }

  /// The places verify what they send from its start; what was put together from two is verified here.
  Result<void> check_end() {
    const Digest digest = hasher_->finish();
    hasher_.reset();
    if (!mixed_ || digest == blob_.digest) return {};
    for (const auto& place : places_->mirrors) place->out = true;
    return Error(ErrorKind::verify, "cannot read the blob " + blob_.digest.str() + " of " + places_->name,
                 "a mirror sent a part of it that is wrong", "take the mirror away; it is not asked again")
        .with("digest", blob_.digest.str())
        .with("mirror", places_->name);
  }

  std::shared_ptr<MirrorPlaces> places_;
  oci::Descriptor blob_;
  std::uint64_t position_;
  std::size_t next_ = 0;
  bool mixed_ = false;
  std::optional<Hasher> hasher_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<Reader> reader_;
};

class MirroredSource final : public Source {
 public:
  MirroredSource(std::shared_ptr<MirrorPlaces> places, oci::Descriptor blob)
      : places_(std::move(places)), blob_(std::move(blob)) {}
  [[nodiscard]] std::uint64_t size() const override { return blob_.size; }
  [[nodiscard]] Result<std::unique_ptr<Reader>> open(std::uint64_t offset) const override {
    if (offset == 0 && blob_.size <= checked_ahead_bytes) {
      SHIPSET_TRY(auto bytes, checked());
      const auto memory = memory_source(std::move(bytes));
      return memory->open(0);
    }
    auto reader = std::make_unique<MirroredReader>(places_, blob_, offset);
    SHIPSET_CHECK(reader->begin());
    return std::unique_ptr<Reader>(std::move(reader));
  }

 private:
  /// The whole blob, right; every place has one try.
  [[nodiscard]] Result<std::string> checked() const {
    for (std::size_t left = places_->mirrors.size();; --left) {
      MirroredReader reader(places_, blob_, 0);
      auto bytes = read_all(reader, blob_.size, "blob " + blob_.digest.str());
      if (bytes || left == 0 || !bytes.error().context.contains("mirror")) return bytes;
    }
  }

  std::shared_ptr<MirrorPlaces> places_;
  oci::Descriptor blob_;
};

class MirroredStore final : public oci::Store {
 public:
  explicit MirroredStore(std::shared_ptr<MirrorPlaces> places) : places_(std::move(places)) {}

  [[nodiscard]] const oci::Store& origin() const { return *places_->origin; }
  [[nodiscard]] std::string name() const override { return places_->name; }
  [[nodiscard]] std::string pool() const override { return origin().pool(); }

  Result<std::optional<oci::Descriptor>> resolve(std::string_view tag) override {
    using Found = std::optional<oci::Descriptor>;
    return first<Found>(
        Mirror::Pulls::by_digest, [&](oci::Store& store) { return store.resolve(tag); },
        [](const Found& found) { return found.has_value(); });
  }
  Result<oci::ManifestBytes> manifest(const Digest& digest) override {
    return first<oci::ManifestBytes>(
        Mirror::Pulls::by_tag, [&](oci::Store& store) { return store.manifest(digest); },
        [](const oci::ManifestBytes&) { return true; });
  }
  Result<bool> has_manifest(const Digest& digest) override {
    return first<bool>(
        Mirror::Pulls::by_tag, [&](oci::Store& store) { return store.has_manifest(digest); },
        [](bool found) { return found; });
  }
  Result<bool> has_blob(const oci::Descriptor& blob) override {
    return first<bool>(
        Mirror::Pulls::by_tag, [&](oci::Store& store) { return store.has_blob(blob); },
        [](bool found) { return found; });
  }
  Result<std::unique_ptr<Source>> blob(const oci::Descriptor& blob) override {
    return std::unique_ptr<Source>(std::make_unique<MirroredSource>(places_, blob));
  }

  Result<oci::BlobPut> put_blob(const oci::Descriptor& blob, const Source& content, const EventSink& events,
                                const CancelToken& cancel) override {
    return places_->origin->put_blob(blob, content, events, cancel);
  }
  Result<bool> mount_blob(const oci::Descriptor& blob, const oci::Store& from) override {
    return places_->origin->mount_blob(blob, from);
  }
  Result<void> put_manifest(const oci::Descriptor& manifest, std::string_view bytes) override {
    return places_->origin->put_manifest(manifest, bytes);
  }
  Result<void> put_tag(std::string_view tag, const oci::Descriptor& manifest, std::string_view bytes) override {
    return places_->origin->put_tag(tag, manifest, bytes);
  }
  Result<bool> remove_tag(std::string_view tag) override { return places_->origin->remove_tag(tag); }
  Result<bool> remove_manifest(const oci::Descriptor& manifest) override {
    return places_->origin->remove_manifest(manifest);
  }
  Result<std::vector<std::string>> tags() override { return places_->origin->tags(); }
  Result<std::vector<oci::Descriptor>> referrers(const Digest& digest, std::string_view artifact_type) override {
    auto own = places_->origin->referrers(digest, artifact_type);
    if (own || own.error().kind != ErrorKind::network) return own;
    // Where only the mirrors can be reached, theirs are what there is; it is told, for a mirror may lack some.
    for (const auto& place : places_->mirrors) {
      if (place->out) continue;
      auto theirs = place->store->referrers(digest, artifact_type);
      if (!theirs) continue;
      places_->cannot_ask(*place, own.error());
      return theirs;
    }
    return own;
  }
  Result<void> check_writable() override { return places_->origin->check_writable(); }

 private:
  /// Asks the mirrors that are not `never`, then the origin, until one knows.
  template <class T, class Ask, class Enough>
  Result<T> first(Mirror::Pulls never, const Ask& ask, const Enough& enough) {
    for (const auto& place : places_->mirrors) {
      if (place->out || place->pulls == never) continue;
      Result<T> answer = ask(*place->store);
      if (answer && enough(*answer)) {
        places_->serves(*place);
        return answer;
      }
      if (answer) continue;
      if (ends_everything(answer.error())) return answer;
      places_->failed(*place, answer.error());
    }
    return ask(*places_->origin);
  }

  std::shared_ptr<MirrorPlaces> places_;
};
}  // namespace

void MirrorPlaces::failed(MirrorPlace& place, const Error& error) const {
  if (error.kind == ErrorKind::not_found) return;  // it need not have everything
  if (place.out.exchange(true)) return;
  std::string why = error.kind == ErrorKind::verify ? "sent wrong content" : "cannot be used";
  emit(notes, {EventKind::warning,
               {},
               place.store->name(),
               "the mirror " + place.store->name() + " " + why + " and is left out: " + error.what +
                   (error.why.empty() ? "" : ": " + error.why),
               0,
               0,
               {{"mirror", place.store->name()}}});
}

void MirrorPlaces::serves(MirrorPlace& place) const {
  if (place.told.exchange(true)) return;
  emit(notes, {EventKind::note,
               {},
               name,
               name + " is read from the mirror " + place.store->name(),
               0,
               0,
               {{"mirror", place.store->name()}}});
}

void MirrorPlaces::cannot_ask(const MirrorPlace& place, const Error& error) {
  if (unreachable_told.exchange(true)) return;
  emit(notes, {EventKind::warning,
               {},
               name,
               name + " cannot be reached (" + error.why + "): what refers to its images is as the mirror " +
                   place.store->name() + " knows it",
               0,
               0,
               {{"mirror", place.store->name()}}});
}

std::unique_ptr<oci::Store> mirrored_store(std::shared_ptr<MirrorPlaces> places) {
  return std::make_unique<MirroredStore>(std::move(places));
}

const oci::Store& without_mirrors(const oci::Store& store) {
  const auto* mirrored = dynamic_cast<const MirroredStore*>(&store);
  return mirrored == nullptr ? store : mirrored->origin();
}

}  // namespace shipset::registry
