// Between the journal and a promotion: moves written down before the first one is made, read back by another process,
// and each round noted before and after. Private to the module.
#pragma once

#include "journal_state.hpp"
#include "promotion.hpp"
#include "stores.hpp"

namespace shipset::release {

/// Writes the whole list, with the raw manifest behind every tag, and flushes it. `locations` by target.
Result<void> record_moves(Journal& journal, const std::vector<Move>& moves, const std::vector<std::string>& locations);

/// The list as it was written. `locations`: every place once, in the order of Move::target; grows as needed.
std::vector<Move> recorded_moves(const JournalState& state, std::vector<std::string>& locations);

/// Moves whose request may have gone out.
std::set<std::size_t> begun_moves(const JournalState& state);

/// Opens the places for writing. Kind usage: a location that cannot be read.
Result<std::vector<Place>> open_places(const std::vector<std::string>& locations, Stores& stores,
                                       const EventSink& events, const CancelToken& cancel);

class JournalRecorder final : public Recorder {
 public:
  explicit JournalRecorder(Journal& journal) : journal_(journal) {}
  Result<void> before(Act act, const std::vector<std::size_t>& numbers) override;
  Result<void> after(Act act, const std::vector<std::size_t>& numbers) override;
  Result<void> committed() override;

 private:
  Journal& journal_;
};

}  // namespace shipset::release
