#include "recorded_moves.hpp"

#include <algorithm>

#include "session.hpp"

namespace shipset::release {

Result<void> record_moves(Journal& journal, const std::vector<Move>& moves, const std::vector<std::string>& locations) {
  std::set<Digest> written;
  for (const auto& move : moves) {
    if (move.old && written.insert(move.old->descriptor.digest).second)
      SHIPSET_CHECK(journal.append(record::old_manifest(*move.old), Flush::later));
    MoveRecord out;
    out.number = move.number;
    out.step = move.step;
    out.location = locations.at(move.target);
    out.tag = move.tag;
    out.reference = move.reference;
    out.variant = move.variant;
    out.reason = move.reason;
    out.wanted = move.wanted.descriptor;
    out.wanted_bytes = move.wanted.bytes;
    out.old = move.old;
    out.hold = move.hold;
    SHIPSET_CHECK(journal.append(record::move(out), Flush::later));
  }
  return journal.append(record::moves(moves.size()), Flush::now);
}

std::vector<Move> recorded_moves(const JournalState& state, std::vector<std::string>& locations) {
  std::vector<Move> out;
  for (const auto& record : state.moves) {
    auto at = std::find(locations.begin(), locations.end(), record.location);
    if (at == locations.end()) at = locations.insert(locations.end(), record.location);
    Move move;
    move.number = record.number;
    move.target = static_cast<std::size_t>(at - locations.begin());
    move.tag = record.tag;
    move.reference = record.reference;
    move.variant = record.variant;
    move.reason = record.reason;
    move.step = record.step;
    move.wanted = {record.wanted, record.wanted_bytes};
    move.old = record.old;
    move.hold = record.hold;
    out.push_back(std::move(move));
  }
  return out;
}

std::set<std::size_t> begun_moves(const JournalState& state) {
  const auto at = state.begun.find(std::string(to_string(Act::move)));
  return at == state.begun.end() ? std::set<std::size_t>() : at->second;
}

Result<std::vector<Place>> open_places(const std::vector<std::string>& locations, Stores& stores,
                                       const EventSink& events, const CancelToken& cancel) {
  std::vector<Place> out;
  for (const auto& text : locations) {
    SHIPSET_TRY(Location location, Location::parse(text));
    const Target target{{}, std::move(location)};
    Place place;
    SHIPSET_TRY(place.store, stores.write(target, events, cancel));
    SHIPSET_TRY(place.undoing, stores.write_on(target, *place.store));
    out.push_back(place);
  }
  return out;
}

Result<void> JournalRecorder::before(Act act, const std::vector<std::size_t>& numbers) {
  // What a dying machine forgets of holds is found again; a move that it forgets would not be undone.
  const Flush flush = act == Act::move || act == Act::undo ? Flush::now : Flush::later;
  return journal_.append(record::act(to_string(act), "begun", numbers), flush);
}

Result<void> JournalRecorder::after(Act act, const std::vector<std::size_t>& numbers) {
  return numbers.empty() ? Result<void>() : journal_.append(record::act(to_string(act), "done", numbers), Flush::later);
}

Result<void> JournalRecorder::committed() {
  return journal_.append(record::commit(now_unix_s()), Flush::now);
}

}  // namespace shipset::release
