// Everything that can go wrong at every single call of a promotion, and two promotions of one repository.
#include <algorithm>

#include "promotion_fixture.hpp"

using namespace shipset;
using namespace shipset::release;
using namespace shipset::release::test;

namespace {
using Fault = FaultyStore::Fault;
using Tags = std::map<std::string, std::string>;

std::string at(const Tags& tags, const std::string& tag) {
  const auto found = tags.find(tag);
  return found == tags.end() ? std::string() : found->second;
}

/// The tags are all new, or all old but for what is named, and every state is the truth.
void check_end(FaultyStore& store, const Promotion& promotion, const Result<void>& done, const std::string& foreign) {
  const auto tags = store.content();
  INFO((done.ok() ? std::string("done") : render(done.error())));
  for (std::size_t i = 0; i < promotion.moves().size(); ++i) {
    const auto& move = promotion.moves()[i];
    const auto& result = promotion.results()[i];
    const std::string now = at(tags, move.tag), wanted = move.wanted.descriptor.digest.str();
    const std::string old = move.old ? move.old->descriptor.digest.str() : std::string();
    INFO(move.tag << " state " << static_cast<int>(result.state) << " holds " << now << " " << result.why);
    if (done) {
      CHECK((result.state == MoveState::moved || result.state == MoveState::present));
      CHECK((now == wanted || now == foreign));  // after the last look it is anyone's
      continue;
    }
    switch (result.state) {
      case MoveState::waiting:
      case MoveState::undone:
        CHECK((now == old || now == foreign));
        break;
      case MoveState::stuck:
        CHECK(done.error().kind == ErrorKind::incomplete);
        CHECK(done.error().why.find(move.reference + " (was") != std::string::npos);
        CHECK_FALSE(result.why.empty());
        break;
      case MoveState::foreign:
        CHECK(now == foreign);
        break;
      default:
        FAIL_CHECK("neither old nor told");
    }
  }
  for (const auto& [tag, digest] : tags) {
    if (!tag.starts_with("_shipset.")) continue;
    INFO("left " << tag);
    const auto& left = promotion.holds_left();
    CHECK(std::any_of(left.begin(), left.end(), [&](const auto& item) { return item.second == tag; }));
  }
}

int calls_of_a_promotion() {
  FaultyStore store;
  Release::prepare(store);
  const Release release;
  REQUIRE(Promotion(release.moves(), {{&store, &store}}, options_of(release)).run().ok());
  return store.calls;
}
}  // namespace

TEST_CASE("promotion, one fault at any single call, ends all new or all old or says what is stuck") {
  const Release release;
  const int calls = calls_of_a_promotion();
  REQUIRE(calls > 20);
  for (const Fault fault : {Fault::refused, Fault::broken, Fault::lost_answer, Fault::lag, Fault::collect})
    for (int call = 1; call <= calls; ++call) {
      INFO("fault " << static_cast<int>(fault) << " at call " << call);
      FaultyStore store;
      Release::prepare(store);
      const auto before = store.public_tags();
      store.faults[call] = fault;
      Promotion promotion(release.moves(), {{&store, &store}}, options_of(release));
      const auto done = promotion.run();
      check_end(store, promotion, done, "none");
      // One fault that passes is no reason for a mixture.
      CHECK(store.public_tags() == (done ? release.after(before) : before));
      if (fault == Fault::lag || fault == Fault::collect) CHECK(done.ok());
    }
}

TEST_CASE("promotion, someone else moves any tag at any call, loses nothing of his and leaves no mixture of ours") {
  const Release release;
  const int calls = calls_of_a_promotion();
  for (const std::string tag : {"2.0.0", "1", "latest-cuda", "latest"})
    for (int call = 1; call <= calls; ++call) {
      INFO(tag << " at call " << call);
      FaultyStore store;
      Release::prepare(store);
      store.foreign_tag = tag;
      store.faults[call] = Fault::foreign;
      Promotion promotion(release.moves(), {{&store, &store}}, options_of(release));
      const auto done = promotion.run();
      check_end(store, promotion, done, store.foreign.descriptor.digest.str());
      if (!done) CHECK(done.error().kind == ErrorKind::tag_moved);
    }
}

TEST_CASE("promotion, a registry that dies at any call and comes back or not, tells the truth") {
  const Release release;
  const int calls = calls_of_a_promotion();
  for (const bool comes_back : {true, false})
    for (int call = 1; call <= calls; call += 2) {
      INFO("dead from call " << call << (comes_back ? " for some calls" : ""));
      FaultyStore store;
      Release::prepare(store);
      const auto before = store.public_tags();
      store.refuse = [&](std::string_view, std::string_view) -> std::optional<Error> {
        if (store.calls < call || (comes_back && store.calls >= call + 4)) return std::nullopt;
        return Error(ErrorKind::network, "no connection");
      };
      Promotion promotion(release.moves(), {{&store, &store}}, options_of(release));
      const auto done = promotion.run();
      check_end(store, promotion, done, "none");
      if (comes_back) CHECK(store.public_tags() == (done ? release.after(before) : before));
    }
}

TEST_CASE("promotion, undo is refused in any way, names every tag that is stuck") {
  const Release release;
  for (const ErrorKind kind : {ErrorKind::auth, ErrorKind::not_found, ErrorKind::registry, ErrorKind::policy})
    for (const std::string method : {"HEAD", "PUT", "DELETE"}) {
      INFO(method << " kind " << to_string(kind));
      FaultyStore store;
      Release::prepare(store);
      Promotion promotion(release.moves(), {{&store, &store}}, options_of(release));
      REQUIRE(hold_and_move(promotion).ok());
      store.refuse = [&](std::string_view called, std::string_view tag) -> std::optional<Error> {
        if (called == method && !tag.starts_with("_shipset.")) return Error(kind, "refused");
        return std::nullopt;
      };
      const auto undone = promotion.undo();
      REQUIRE_FALSE(undone.ok());
      promotion.release_holds();
      check_end(store, promotion, undone, "none");
      const std::size_t stuck = method == "DELETE" ? 2 : method == "PUT" ? 4 : 6;
      CHECK(static_cast<std::size_t>(
                std::count_if(promotion.results().begin(), promotion.results().end(),
                              [](const MoveResult& result) { return result.state == MoveState::stuck; })) == stuck);
      // What is needed to put the rest back stays; a new tag that the registry does not remove needs nothing.
      const bool for_good = method == "DELETE" && kind == ErrorKind::policy;
      CHECK(promotion.gone_back() == for_good);
      CHECK(promotion.holds_left().size() == (for_good ? 0 : 3));
      store.refuse = nullptr;
      CHECK(promotion.undo().ok());  // once more, when it answers again
    }
}

namespace {
/// The way of one release to a store that others use too.
class Door final : public oci::Store {
 public:
  explicit Door(FaultyStore& store) : store_(store) {}
  std::string name() const override { return store_.name(); }
  Result<std::optional<oci::Descriptor>> resolve(std::string_view tag) override { return store_.resolve(tag); }
  Result<oci::ManifestBytes> manifest(const Digest& digest) override { return store_.manifest(digest); }
  Result<bool> has_manifest(const Digest& digest) override { return store_.has_manifest(digest); }
  Result<bool> has_blob(const oci::Descriptor& blob) override { return store_.has_blob(blob); }
  Result<std::unique_ptr<Source>> blob(const oci::Descriptor& blob) override { return store_.blob(blob); }
  Result<oci::BlobPut> put_blob(const oci::Descriptor& blob, const Source& content, const EventSink& events,
                                const CancelToken& cancel) override {
    return store_.put_blob(blob, content, events, cancel);
  }
  Result<void> put_manifest(const oci::Descriptor& manifest, std::string_view bytes) override {
    return store_.put_manifest(manifest, bytes);
  }
  Result<void> put_tag(std::string_view tag, const oci::Descriptor& manifest, std::string_view bytes) override {
    {
      const std::lock_guard lock(mutex_);
      if (before_put && !tag.starts_with("_shipset.")) before_put(++puts_);
    }
    return store_.put_tag(tag, manifest, bytes);
  }
  Result<bool> remove_tag(std::string_view tag) override { return store_.remove_tag(tag); }
  Result<std::vector<std::string>> tags() override { return store_.tags(); }
  Result<std::vector<oci::Descriptor>> referrers(const Digest& digest, std::string_view type) override {
    return store_.referrers(digest, type);
  }
  Result<void> check_writable() override { return {}; }
  /// One after the other, before public tags are set; counted from 1.
  std::function<void(int)> before_put;

 private:
  FaultyStore& store_;
  std::mutex mutex_;
  int puts_ = 0;
};

/// One of two releases, driven phase by phase.
class Racer {
 public:
  Racer(oci::Store& store, const std::string& id, const std::string& version, const std::string& build)
      : release_(id, version, build), promotion_(release_.moves(), {{&store, &store}}, options()) {}

  /// The next phase; false when it has ended.
  bool go() {
    if (ended_) return false;
    Result<void> done;
    switch (phase_) {
      case 0:
        done = promotion_.check();
        break;
      case 1:
        done = promotion_.hold();
        break;
      case 2: {
        auto more = promotion_.move_step();
        if (!more)
          done = std::move(more).error();
        else if (*more)
          --phase_;
        break;
      }
      default:
        done = promotion_.read_back();
        ended_ = true;
    }
    ++phase_;
    if (!done) {
      error_ = std::move(done).error();
      CHECK(promotion_.undo().ok());
      ended_ = true;
    }
    if (ended_) promotion_.release_holds();
    return true;
  }
  [[nodiscard]] const Release& release() const { return release_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  [[nodiscard]] PromotionOptions options() const {
    auto out = options_of(release_);
    out.comparison_life = std::chrono::microseconds(0);
    return out;
  }
  Release release_;
  Promotion promotion_;
  int phase_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;
};

const std::vector<std::string> shared{"1", "1-cuda", "latest-cuda", "latest"};

Tags shared_of(const Tags& tags) {
  Tags out;
  for (const auto& tag : shared) out[tag] = at(tags, tag);
  return out;
}

void check_race(FaultyStore& store, const Tags& before, const Racer& a, const Racer& b) {
  const auto now = store.content();
  INFO("A: " << (a.error() ? render(*a.error()) : "done") << "\nB: " << (b.error() ? render(*b.error()) : "done"));
  for (const Racer* one : {&a, &b})
    if (one->error()) CHECK(one->error()->kind == ErrorKind::tag_moved);
  CHECK((a.error() || b.error()));
  const Racer* winner = !a.error() ? &a : !b.error() ? &b : nullptr;
  CHECK(shared_of(now) == shared_of(winner != nullptr ? winner->release().after(before) : before));
  if (winner == nullptr) CHECK(now == before);  // nothing of either, no holds
  if (a.error() && b.error()) CHECK((a.error()->context.contains("race") || b.error()->context.contains("race")));
}
}  // namespace

TEST_CASE("two releases, phase by phase in every order, never leave a mixture") {
  constexpr int phases = 6;  // check, hold, four steps; the rest follows
  int both_lost = 0;
  for (unsigned order = 0; order < (1u << (2 * phases)); ++order) {
    if (__builtin_popcount(order) != phases || (order & 1u) != 0) continue;  // A begins
    FaultyStore store;
    Release::prepare(store);
    const auto before = store.content();
    Racer a(store, "aaaaaaaaaaaa", "2.0.0", "A"), b(store, "bbbbbbbbbbbb", "2.1.0", "B");
    for (int i = 0; i < 2 * phases; ++i) ((order >> i) & 1u) != 0 ? b.go() : a.go();
    while (a.go() || b.go()) {
    }
    const bool apart = !a.error() && !b.error();  // one came after the other had ended
    INFO("order " << order);
    if (apart) continue;
    both_lost += a.error() && b.error() ? 1 : 0;
    check_race(store, before, a, b);
  }
  CHECK(both_lost == 0);  // between whole phases the second one always sees the first
}

TEST_CASE("two releases, both compared before either moved, both are told and the tags are old") {
  int both_lost = 0;
  for (int call = 1; call <= 6; ++call)  // of A's requests that move a tag
    for (const auto& [phases, nested] :
         std::vector<std::pair<int, int>>{{2, 1}, {3, 1}, {4, 1}, {2, 2}, {3, 2}, {4, 2}}) {
      INFO("at call " << call << " B has done " << phases << " phases and makes " << nested);
      FaultyStore store;
      Release::prepare(store);
      const auto before = store.content();
      Door door(store);
      Racer a(door, "aaaaaaaaaaaa", "2.0.0", "A"), b(store, "bbbbbbbbbbbb", "2.1.0", "B");
      a.go();
      for (int i = 0; i < phases; ++i) b.go();
      // In the middle of a round of A, after its looks and before its first tag, B makes its next phases.
      bool met = false;
      door.before_put = [&](int number) {
        for (int i = 0; number == call && i < nested; ++i) met = b.go();
      };
      while (!met && a.go()) {
      }
      for (bool more = true; more;) {
        const bool first = a.go(), second = b.go();
        more = first || second;
      }
      if (!a.error() && !b.error()) continue;
      both_lost += a.error() && b.error() ? 1 : 0;
      check_race(store, before, a, b);
    }
  CHECK(both_lost > 0);
}
