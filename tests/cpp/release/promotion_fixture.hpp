// A registry in memory whose every call can go wrong, for tests of the promotion: at the k-th call it refuses, answers
// 500, loses the answer, shows old things, or someone else moves a tag.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>

#include "catch_shim.hpp"
#include "promotion.hpp"

namespace shipset::release::test {

inline oci::ManifestBytes document(const std::string& text, std::string_view type = oci::media_type::index) {
  const std::string bytes = "{\"x\":\"" + text + "\"}";
  return {oci::describe(type, bytes), bytes};
}

class FaultyStore final : public oci::Store {
 public:
  enum class Fault : std::uint8_t { none, refused, broken, lost_answer, lag, foreign, collect };
  explicit FaultyStore(std::string name = "memory") : name_(std::move(name)) {}
  std::string name() const override { return name_; }

  Result<std::optional<oci::Descriptor>> resolve(std::string_view tag) override {
    const int number = announce();
    const std::lock_guard lock(mutex_);
    SHIPSET_TRY(const bool lost, begin(number, "HEAD", tag));
    if (lost) return Error(ErrorKind::network, "the connection broke");
    if (const auto shown = lagging_.find(std::string(tag)); shown != lagging_.end() && shown->second.second-- > 0)
      return shown->second.first;
    return now(tag);
  }
  Result<oci::ManifestBytes> manifest(const Digest& digest) override {
    const std::lock_guard lock(mutex_);
    const auto found = manifests_.find(digest);
    if (found == manifests_.end()) return Error(ErrorKind::not_found, "no manifest " + digest.str());
    return found->second;
  }
  Result<bool> has_manifest(const Digest& digest) override {
    const std::lock_guard lock(mutex_);
    return manifests_.contains(digest);
  }
  Result<bool> has_blob(const oci::Descriptor&) override { return true; }
  Result<std::unique_ptr<Source>> blob(const oci::Descriptor&) override {
    return Error(ErrorKind::not_found, "no blobs here");
  }
  Result<oci::BlobPut> put_blob(const oci::Descriptor&, const Source&, const EventSink&, const CancelToken&) override {
    return oci::BlobPut{};
  }
  Result<void> put_manifest(const oci::Descriptor& manifest, std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    manifests_.insert_or_assign(manifest.digest, oci::ManifestBytes{manifest, std::string(bytes)});
    return {};
  }
  Result<void> put_tag(std::string_view tag, const oci::Descriptor& manifest, std::string_view bytes) override {
    const int number = announce();
    const std::lock_guard lock(mutex_);
    SHIPSET_TRY(const bool lost, begin(number, "PUT", tag));
    const auto before = now(tag);
    manifests_.insert_or_assign(manifest.digest, oci::ManifestBytes{manifest, std::string(bytes)});
    tags_[std::string(tag)] = manifest.digest;
    ++writes[std::string(tag)];
    if (lag_now_) lagging_[std::string(tag)] = {before, 2};
    collect();
    if (lost) return Error(ErrorKind::network, "the connection broke before the answer");
    return {};
  }
  Result<bool> remove_tag(std::string_view tag) override {
    const int number = announce();
    const std::lock_guard lock(mutex_);
    SHIPSET_TRY(const bool lost, begin(number, "DELETE", tag));
    if (!deletes) return false;
    tags_.erase(std::string(tag));
    collect();
    if (lost) return Error(ErrorKind::network, "the connection broke before the answer");
    return true;
  }
  Result<std::vector<std::string>> tags() override { return std::vector<std::string>(); }
  Result<std::vector<oci::Descriptor>> referrers(const Digest&, std::string_view) override {
    return std::vector<oci::Descriptor>();
  }
  Result<void> check_writable() override { return {}; }

  /// As someone else would.
  void set(const std::string& tag, const oci::ManifestBytes& to) {
    const std::lock_guard lock(mutex_);
    set_locked(tag, to);
  }
  void remove(const std::string& tag) {
    const std::lock_guard lock(mutex_);
    tags_.erase(tag);
  }
  std::map<std::string, std::string> content() {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::string> out;
    for (const auto& [tag, digest] : tags_) out[tag] = digest.str();
    return out;
  }
  std::map<std::string, std::string> public_tags() {
    auto out = content();
    std::erase_if(out, [](const auto& item) { return item.first.starts_with("_shipset."); });
    return out;
  }
  [[nodiscard]] std::string media_type(const std::string& tag) {
    const std::lock_guard lock(mutex_);
    return manifests_.at(tags_.at(tag)).descriptor.media_type;
  }

  /// What goes wrong at the call with this number, counted from 1.
  std::map<int, Fault> faults;
  /// Every call of a method that goes wrong with that error.
  std::function<std::optional<Error>(std::string_view method, std::string_view tag)> refuse;
  /// Runs before each call is handled; calls are counted from 1, several may be on their way.
  std::function<void(int number)> meanwhile;
  bool deletes = true;
  bool collects = false;  ///< a manifest without a tag is gone
  std::atomic<int> calls = 0;
  std::map<std::string, int> writes;
  std::string foreign_tag;  ///< which tag someone else moves
  oci::ManifestBytes foreign = document("foreign");
  std::vector<std::string> log;

 private:
  int announce() {
    const int number = ++calls;
    if (meanwhile) meanwhile(number);
    return number;
  }
  /// Whether the answer gets lost.
  Result<bool> begin(int number, std::string_view method, std::string_view tag) {
    log.push_back(std::string(method) + " " + std::string(tag));
    lag_now_ = false;
    if (refuse)
      if (auto error = refuse(method, tag)) return *error;
    const auto fault = faults.find(number);
    switch (fault == faults.end() ? Fault::none : fault->second) {
      case Fault::none:
        break;
      case Fault::refused:
        return Error(ErrorKind::auth, "403: denied");
      case Fault::broken:
        return Error(ErrorKind::registry, "500: internal error");
      case Fault::lost_answer:
        return true;
      case Fault::lag:
        lag_now_ = true;
        break;
      case Fault::foreign:
        set_locked(foreign_tag, foreign);
        break;
      case Fault::collect:
        collects = true;
        collect();
        break;
    }
    return false;
  }
  void set_locked(const std::string& tag, const oci::ManifestBytes& to) {
    manifests_.insert_or_assign(to.descriptor.digest, to);
    tags_[tag] = to.descriptor.digest;
  }
  std::optional<oci::Descriptor> now(std::string_view tag) {
    const auto found = tags_.find(std::string(tag));
    if (found == tags_.end() || !manifests_.contains(found->second)) return std::nullopt;
    return manifests_.at(found->second).descriptor;
  }
  void collect() {
    if (!collects) return;
    std::set<Digest> kept;
    for (const auto& [tag, digest] : tags_) kept.insert(digest);
    std::erase_if(manifests_, [&](const auto& item) { return !kept.contains(item.first); });
  }

  std::string name_;
  std::mutex mutex_;
  bool lag_now_ = false;
  std::map<std::string, Digest> tags_;
  std::map<Digest, oci::ManifestBytes> manifests_;
  std::map<std::string, std::pair<std::optional<oci::Descriptor>, int>> lagging_;
};

/// Two variants with an exact tag each that does not exist yet, a moving one each, and the bare `latest`.
class Release {
 public:
  explicit Release(std::string id = "0123456789ab", std::string version = "2.0.0", std::string build = "new")
      : id_(std::move(id)), version_(std::move(version)), build_(std::move(build)) {}

  static void prepare(FaultyStore& store) {
    store.set("1.0.0", document("cpu old"));
    store.set("1.0.0-cuda", document("cuda old"));
    store.set("1", document("cpu old"));
    store.set("1-cuda", document("cuda old"));
    store.set("latest", document("cpu older", oci::media_type::docker_list));
    store.set("latest-cuda", document("cuda old"));
  }
  [[nodiscard]] std::vector<Move> moves(std::size_t target = 0) const {
    std::vector<Move> out;
    const auto add = [&](const std::string& tag, const std::string& variant, std::size_t step,
                         std::optional<oci::ManifestBytes> old) {
      Move move;
      move.number = target * 100 + out.size();
      move.target = target;
      move.tag = tag;
      move.reference = "registry.test/app:" + tag;
      move.variant = variant;
      move.step = step;
      const auto wanted = document(variant + " " + build_);
      move.wanted = {wanted.descriptor, wanted.bytes};
      move.old = std::move(old);
      out.push_back(std::move(move));
    };
    add(version_, "cpu", 0, std::nullopt);
    add(version_ + "-cuda", "cuda", 0, std::nullopt);
    add("1", "cpu", 1, document("cpu old"));
    add("1-cuda", "cuda", 1, document("cuda old"));
    add("latest-cuda", "cuda", 2, document("cuda old"));
    add("latest", "cpu", 3, document("cpu older", oci::media_type::docker_list));
    choose_holds(out, {}, [](std::size_t) { return true; });
    return out;
  }
  [[nodiscard]] std::map<std::string, std::string> after(std::map<std::string, std::string> tags) const {
    for (const auto& move : moves()) tags[move.tag] = move.wanted.descriptor.digest.str();
    return tags;
  }
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  std::string id_, version_, build_;
};

/// Keeps what it is told; refuses from the so manyth call on.
class Notes final : public Recorder {
 public:
  Result<void> before(Act act, const std::vector<std::size_t>& numbers) override {
    return take("before ", act, numbers);
  }
  Result<void> after(Act act, const std::vector<std::size_t>& numbers) override { return take("after ", act, numbers); }
  Result<void> committed() override {
    lines.emplace_back("committed");
    return next();
  }
  std::vector<std::string> lines;
  int refuse_at = 0;
  std::set<std::size_t> begun, done;

 private:
  Result<void> take(const std::string& when, Act act, const std::vector<std::size_t>& numbers) {
    std::string line = when + std::string(to_string(act));
    for (const std::size_t number : numbers) {
      line += " " + std::to_string(number);
      if (act == Act::move) (when == "before " ? begun : done).insert(number);
    }
    lines.push_back(std::move(line));
    return next();
  }
  Result<void> next() const {
    if (static_cast<int>(lines.size()) == refuse_at)
      return Error(ErrorKind::io, "cannot write the journal", "disk full");
    return {};
  }
};

inline PromotionOptions options_of(const Release& release, Recorder* recorder = nullptr) {
  PromotionOptions options;
  options.id = release.id();
  options.recorder = recorder;
  options.first_wait = std::chrono::milliseconds(1);
  options.comparison_life = std::chrono::hours(1);  // so that every run makes the same calls
  return options;
}

/// Everything before the tags are read back.
inline Result<void> hold_and_move(Promotion& promotion) {
  SHIPSET_CHECK(promotion.check());
  SHIPSET_CHECK(promotion.hold());
  return promotion.move();
}

}  // namespace shipset::release::test
