// Promotion: moves, holds, what is recorded, and the way back.
#include <algorithm>

#include "promotion_fixture.hpp"

using namespace shipset;
using namespace shipset::release;
using namespace shipset::release::test;

namespace {
MoveState state_of(const Promotion& promotion, const std::string& tag) {
  for (std::size_t i = 0; i < promotion.moves().size(); ++i)
    if (promotion.moves()[i].tag == tag) return promotion.results()[i].state;
  throw std::logic_error("no tag " + tag);
}
}  // namespace

TEST_CASE("promotion, nothing goes wrong, moves every tag in order and leaves no hold") {
  FaultyStore store;
  Release::prepare(store);
  const Release release;
  const auto wanted = release.after(store.public_tags());
  Notes notes;
  Promotion promotion(release.moves(), {{&store, &store}}, options_of(release, &notes));
  const auto done = promotion.run();
  INFO((done.ok() ? std::string() : render(done.error())));
  REQUIRE(done.ok());
  CHECK(store.content() == wanted);
  CHECK(promotion.holds_left().empty());
  CHECK(notes.lines == std::vector<std::string>{"before hold 2 3 5", "after hold 2 3 5", "before move 0 1",
                                                "after move 0 1", "before move 2 3", "after move 2 3", "before move 4",
                                                "after move 4", "before move 5", "after move 5", "committed",
                                                "before release_hold 2 3 5", "after release_hold 2 3 5"});
  for (const auto& move : promotion.moves()) CHECK(state_of(promotion, move.tag) == MoveState::moved);
}

TEST_CASE("promotion, an old digest that a known tag keeps, gets no hold") {
  auto moves = Release().moves();
  const auto count = [&] { return std::count_if(moves.begin(), moves.end(), [](const Move& m) { return m.hold; }); };
  CHECK(count() == 3);  // of 1, 1-cuda (and latest-cuda), latest
  choose_holds(moves, {{0, document("cuda old").descriptor.digest}}, [](std::size_t) { return true; });
  CHECK(count() == 2);
  choose_holds(moves, {}, [](std::size_t) { return false; });
  CHECK(count() == 0);
}

TEST_CASE("promotion, the same again, writes nothing") {
  FaultyStore store;
  Release::prepare(store);
  const Release release;
  REQUIRE(Promotion(release.moves(), {{&store, &store}}, options_of(release)).run().ok());
  const auto writes = store.writes;
  Promotion again(release.moves(), {{&store, &store}}, options_of(release));
  REQUIRE(again.run().ok());
  CHECK(store.writes == writes);
  CHECK(state_of(again, "latest") == MoveState::present);
}

TEST_CASE("promotion, a registry that collects manifests without tags, is undone from the recorded bytes") {
  FaultyStore store;
  Release::prepare(store);
  store.collects = true;
  const Release release;
  const auto before = store.public_tags();
  store.refuse = [](std::string_view method, std::string_view tag) -> std::optional<Error> {
    if (method == "PUT" && tag == "latest") return Error(ErrorKind::auth, "403: denied");
    return std::nullopt;
  };
  auto moves = release.moves();
  for (auto& move : moves) move.hold = false;  // what the registry had is gone: only the recorded bytes are left
  Promotion promotion(moves, {{&store, &store}}, options_of(release));
  const auto done = promotion.run();
  REQUIRE_FALSE(done.ok());
  CHECK(done.error().kind == ErrorKind::auth);
  CHECK(store.public_tags() == before);
}

TEST_CASE("promotion, an old manifest of another form, comes back with its media type") {
  FaultyStore store;
  Release::prepare(store);
  const Release release;
  Promotion promotion(release.moves(), {{&store, &store}}, options_of(release));
  REQUIRE(hold_and_move(promotion).ok());
  CHECK(store.media_type("latest") == oci::media_type::index);
  REQUIRE(promotion.undo().ok());
  CHECK(store.media_type("latest") == oci::media_type::docker_list);
  CHECK(state_of(promotion, "latest") == MoveState::undone);
}

TEST_CASE("promotion, a registry that removes no tags, says which new tags stay and keeps the holds") {
  FaultyStore store;
  Release::prepare(store);
  store.deletes = false;
  const Release release;
  Promotion promotion(release.moves(), {{&store, &store}}, options_of(release));
  REQUIRE(hold_and_move(promotion).ok());
  const auto undone = promotion.undo();
  REQUIRE_FALSE(undone.ok());
  CHECK(undone.error().kind == ErrorKind::incomplete);
  CHECK(undone.error().why.find("registry.test/app:2.0.0 (was no tag): the registry removes no tags") !=
        std::string::npos);
  CHECK(state_of(promotion, "2.0.0") == MoveState::stuck);
  CHECK(state_of(promotion, "latest") == MoveState::undone);
  promotion.release_holds();
  CHECK(promotion.holds_left().size() == 3);
}

TEST_CASE("promotion, holds that cannot be removed, are named and the release is done") {
  FaultyStore store;
  Release::prepare(store);
  store.deletes = false;
  const Release release;
  Promotion promotion(release.moves(), {{&store, &store}}, options_of(release));
  REQUIRE(promotion.run().ok());
  CHECK(promotion.holds_left() ==
        std::vector<std::pair<std::size_t, std::string>>{{0, "_shipset.0123456789ab.hold.2"},
                                                         {0, "_shipset.0123456789ab.hold.3"},
                                                         {0, "_shipset.0123456789ab.hold.5"}});
}

TEST_CASE("promotion, a tag of someone else before the first move, is TagMoved and nothing moves anywhere") {
  FaultyStore store, other("other");
  Release::prepare(store);
  Release::prepare(other);
  other.set("latest", document("foreign"));
  const Release release;
  const auto before = store.content();
  auto moves = release.moves();
  const auto second = release.moves(1);
  moves.insert(moves.end(), second.begin(), second.end());
  for (const bool go_on : {false, true}) {
    auto options = options_of(release);
    options.continue_on_failure = go_on;  // a lost race says nothing about the registry
    Promotion promotion(moves, {{&store, &store}, {&other, &other}}, options);
    const auto done = promotion.run();
    REQUIRE_FALSE(done.ok());
    CHECK(done.error().kind == ErrorKind::tag_moved);
    CHECK(done.error().context.at("expected") == document("cpu older").descriptor.digest.str());
    CHECK(done.error().context.at("found") == document("foreign").descriptor.digest.str());
    CHECK_FALSE(done.error().context.contains("race"));
    CHECK(store.content() == before);
    CHECK(promotion.results().back().state == MoveState::foreign);
  }
}

TEST_CASE("promotion, one of two registries fails before the first move, is left out or ends everything") {
  for (const std::string method : {"HEAD", "PUT"})
    for (const bool go_on : {false, true}) {
      INFO(method << " continue " << go_on);
      FaultyStore store, other("other");
      Release::prepare(store);
      Release::prepare(other);
      other.refuse = [&](std::string_view called, std::string_view) -> std::optional<Error> {
        if (called == method) return Error(ErrorKind::registry, "500: internal error");
        return std::nullopt;
      };
      const Release release;
      const auto before = store.public_tags(), there = other.public_tags();
      auto moves = release.moves();
      const auto second = release.moves(1);
      moves.insert(moves.end(), second.begin(), second.end());
      auto options = options_of(release);
      options.continue_on_failure = go_on;
      Promotion promotion(moves, {{&store, &store}, {&other, &other}}, options);
      const auto done = promotion.run();
      CHECK(done.ok() == go_on);
      CHECK(store.public_tags() == (go_on ? release.after(before) : before));
      CHECK(other.public_tags() == there);
      CHECK(promotion.left_out().contains(1) == go_on);
    }
}

TEST_CASE("promotion, the journal cannot be written, goes back and the tags are old") {
  const Release release;
  for (int at = 1; at <= 11; ++at) {
    INFO("line " << at);
    FaultyStore store;
    Release::prepare(store);
    const auto before = store.content();
    Notes notes;
    notes.refuse_at = at;
    Promotion promotion(release.moves(), {{&store, &store}}, options_of(release, &notes));
    const auto done = promotion.run();
    REQUIRE_FALSE(done.ok());
    CHECK(done.error().kind == ErrorKind::io);
    CHECK(store.content() == before);
  }
}

TEST_CASE("promotion, stopped at any call, puts everything back and is cancelled") {
  const Release release;
  int calls = 0;
  {
    FaultyStore store;
    Release::prepare(store);
    Promotion promotion(release.moves(), {{&store, &store}}, options_of(release));
    REQUIRE(hold_and_move(promotion).ok());
    REQUIRE(promotion.read_back().ok());
    calls = store.calls;
  }
  for (int at = 1; at <= calls; ++at) {
    INFO("call " << at);
    FaultyStore store;
    Release::prepare(store);
    const auto before = store.content();
    auto options = options_of(release);
    store.meanwhile = [&](int number) {
      if (number == at) options.cancel.cancel();
    };
    Promotion promotion(release.moves(), {{&store, &store}}, options);
    const auto done = promotion.run();
    REQUIRE_FALSE(done.ok());
    CHECK(done.error().kind == ErrorKind::cancelled);
    CHECK(store.content() == before);
  }
}

TEST_CASE("promotion, killed after any step, goes on or back from what was recorded") {
  const Release release;
  for (const bool forward : {true, false})
    for (int at = 1; at <= 10; ++at) {
      INFO("killed at line " << at << (forward ? ", on" : ", back"));
      FaultyStore store;
      Release::prepare(store);
      const auto before = store.public_tags();
      Notes notes;
      notes.refuse_at = at;
      {
        // The process dies here: nobody undoes anything.
        Promotion first(release.moves(), {{&store, &store}}, options_of(release, &notes));
        REQUIRE_FALSE(hold_and_move(first).ok());
      }
      const auto writes = store.writes;
      Promotion second(release.moves(), {{&store, &store}}, options_of(release));
      second.resume(notes.begun, true);
      if (forward) {
        REQUIRE(second.run().ok());
        CHECK(store.content() == release.after(before));
        for (const auto& move : second.moves()) CHECK(store.writes.at(move.tag) == 1);
      } else {
        REQUIRE(second.undo().ok());
        second.release_holds();
        CHECK(store.public_tags() == before);
        CHECK(second.holds_left().empty());
        CHECK(store.content() == before);
      }
    }
}
