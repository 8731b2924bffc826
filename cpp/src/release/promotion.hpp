// Promotion: tags of one or more repositories go from what they hold to what they shall hold, all of them or none.
// It knows neither plan nor run: a new process can go on, or go back, from recorded moves alone. Nothing is added to
// what was staged. One object, one promotion, called from one thread; requests of a round run side by side.
// product.md §4 "Looking", "Hold", "Moves", "After", "Two releases at once".
//
// In the order of a release: check, hold, move, read_back, [commit point], release_holds; run() does all of that, and
// undo where one fails. After resume() a promotion goes on in the middle, or undo() goes back.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "assemble.hpp"
#include "shipset/base/cancel.hpp"
#include "shipset/base/event.hpp"
#include "shipset/oci/store.hpp"

namespace shipset::release {

struct Move {
  std::size_t number = 0;  ///< names the move, in the journal and in the tag that holds its old digest
  std::size_t target = 0;  ///< index into the places
  std::string tag;
  std::string reference;  ///< for people: where the tag really is
  std::string variant;
  std::string reason;
  std::size_t step = 0;                   ///< of promotion; lower ones move first
  Document wanted;                        ///< bytes as they are staged
  std::optional<oci::ManifestBytes> old;  ///< what the tag holds before: raw bytes and their media type
  bool hold = false;                      ///< the old digest gets a tag first, see choose_holds
};

/// `_shipset.<id>.hold.<number>`
std::string hold_tag(const std::string& id, std::size_t number);

/// Marks one move for each old digest that no tag would keep. `kept`: digests by target that a tag stays on.
/// Only where `collects` says so may a target lose a manifest when its last tag leaves.
void choose_holds(std::vector<Move>& moves, const std::set<std::pair<std::size_t, Digest>>& kept,
                  const std::function<bool(std::size_t)>& collects);

enum class Act : std::uint8_t { hold, move, undo, release_hold };
std::string_view to_string(Act act) noexcept;

/// Is told of each round before its requests go out and after they are answered, on the calling thread.
class Recorder {
 public:
  virtual ~Recorder() = default;
  /// Moves by number. An error stops the promotion (and what has moved is undone); undo and release_hold go on.
  virtual Result<void> before(Act act, const std::vector<std::size_t>& numbers) = 0;
  /// Only those that are done.
  virtual Result<void> after(Act act, const std::vector<std::size_t>& numbers) = 0;
  /// Every tag is proven: from here on the release goes forward only. An error undoes it.
  virtual Result<void> committed() { return {}; }
};

enum class MoveState : std::uint8_t {
  waiting,   ///< not begun
  present,   ///< the tag held what it shall hold before we came
  moved,     ///< done
  undone,    ///< it was moved, or may have been, and holds the old digest again
  stuck,     ///< it could not be put back: `why`
  foreign,   ///< it holds `found`, which is neither ours nor what was recorded; it was left alone
  left_out,  ///< its target failed before its first move
};

struct MoveResult {
  MoveState state = MoveState::waiting;
  std::string why;
  std::string found;  ///< digest; "" = no tag
  /// Of a stuck one: no later attempt can do better (a new tag, where the registry removes none).
  bool for_good = false;
};

/// A repository that takes part.
struct Place {
  oci::Store* store = nullptr;
  oci::Store* undoing = nullptr;  ///< the same one for undo and the removal of holds; a stop does not reach it
};

struct PromotionOptions {
  std::string id;  ///< of the release
  /// A target that fails before the first move of all is left out, in place of ending the promotion.
  bool continue_on_failure = false;
  EventSink events;
  CancelToken cancel;            ///< ends the promotion until the commit point: then what has moved is undone
  Recorder* recorder = nullptr;  ///< may be null
  /// Before a tag moves it is looked at again, unless that was done at most so long, or as long as the look itself
  /// took, ago: another release cannot end in that time. 0: always.
  std::chrono::microseconds comparison_life{5000};
  /// Before the second look at a tag that does not show what it should; each further wait of read_back is twice as
  /// long, up to 6.2 s in all, beside those of the client.
  std::chrono::milliseconds first_wait{200};
};

class Promotion {
 public:
  Promotion(std::vector<Move> moves, std::vector<Place> places, PromotionOptions options);

  /// These moves were begun, or done, by an earlier process; `holds`: so was the placing of holds.
  void resume(const std::set<std::size_t>& begun, bool holds);

  /// Looks at every tag once more, at all targets. Kind tag_moved when one holds neither what was recorded nor what it
  /// shall hold.
  Result<void> check();
  /// Places the tags that keep old digests.
  Result<void> hold();
  /// Step after step. An error leaves some tags moved: undo().
  Result<void> move();
  /// One step of it; false when none is left.
  Result<bool> move_step();
  /// Proves every tag, waiting out lag; kind tag_moved when one holds something else.
  Result<void> read_back();
  /// Puts back what was begun, in reverse order, a tag only while it holds what we put. Kind incomplete when some tags
  /// are stuck. Tags that someone else has moved are his.
  Result<void> undo();
  /// Removes the tags that kept old digests, unless a tag is stuck; what the registry does not remove is in
  /// holds_left().
  void release_holds();
  /// check … release_holds. After an error what had moved is undone; kind incomplete when that failed.
  Result<void> run();

  [[nodiscard]] const std::vector<Move>& moves() const noexcept { return moves_; }
  /// By position in moves().
  [[nodiscard]] const std::vector<MoveResult>& results() const noexcept { return results_; }
  /// After undo(): nothing is left to try, every tag is back, someone else's, or stuck for good.
  [[nodiscard]] bool gone_back() const;
  [[nodiscard]] const std::map<std::size_t, Error>& left_out() const noexcept { return left_out_; }
  /// Tags that kept old digests and are still there, with their target.
  [[nodiscard]] const std::vector<std::pair<std::size_t, std::string>>& holds_left() const noexcept {
    return holds_left_;
  }
  /// From before the first request that moves a tag to after the last, those of undo included.
  [[nodiscard]] std::chrono::milliseconds window() const;

 private:
  using Clock = std::chrono::steady_clock;
  using Positions = std::vector<std::size_t>;
  using Found = Result<std::optional<oci::Descriptor>>;
  using Work = std::vector<std::function<void()>>;  ///< the requests of a round
  /// Tags that one request may set.
  struct Group {
    Positions moves;
    Result<void> outcome;
  };

  Result<void> forward();
  void look(const Positions& which, std::vector<Found>& found, Work& work);
  Result<void> compare(const Positions& which);
  Result<void> judge(std::size_t at, const Found& found);
  Result<void> judge_all(const Positions& which, const std::vector<Found>& found);
  Result<void> fail(std::size_t target, Error error);
  Result<void> compare_stale(const Positions& which);
  [[nodiscard]] Positions waiting_in(std::size_t step) const;
  [[nodiscard]] std::vector<std::size_t> steps() const;
  [[nodiscard]] std::vector<Group> groups_of(const Positions& which) const;
  Result<void> make_step(std::size_t step, const Positions& next);
  void take_moved(const Group& group, Positions& done);
  [[nodiscard]] Positions holds_to_place() const;
  void place(const Positions& holds, std::vector<Result<void>>& placed, Work& work) const;
  Result<void> take_placed(const Positions& holds, const std::vector<Result<void>>& placed, Positions& done);
  Result<void> prove(Positions& pending, bool last);
  MoveResult undo_one(std::size_t at) const;
  Result<void> put_back(const Move& move) const;
  Result<void> pause(std::chrono::milliseconds time) const;
  [[nodiscard]] std::vector<std::size_t> numbers(const Positions& which) const;
  Result<void> record(bool before, Act act, const Positions& which) const;
  [[nodiscard]] oci::Store& store(const Move& move) const { return *places_[move.target].store; }
  [[nodiscard]] oci::Store& undoing(const Move& move) const { return *places_[move.target].undoing; }
  [[nodiscard]] Error moved_by_someone(std::size_t at, const std::string& found) const;
  void touch();

  std::vector<Move> moves_;
  std::vector<Place> places_;
  PromotionOptions options_;
  std::vector<MoveResult> results_;
  bool resumed_ = false;
  std::vector<bool> begun_;                     ///< a request that moves the tag went out
  std::vector<Clock::time_point> fresh_until_;  ///< the tag was seen to hold what was recorded
  std::vector<bool> held_;                      ///< the tag that keeps the old digest was seen, or put
  std::map<std::size_t, Error> left_out_;
  std::vector<std::pair<std::size_t, std::string>> holds_left_;
  std::optional<Clock::time_point> first_, last_;
  std::optional<Error> undo_record_;  ///< why the journal lacks steps of undo
};

/// Whether an error says something about a registry, not about the release: one that may leave a destination out.
bool of_the_registry(ErrorKind kind) noexcept;

/// TagMoved(expected, found).
Error tag_moved_error(const std::string& reference, const std::string& expected, const std::string& found);

}  // namespace shipset::release
