#include <algorithm>
#include <map>

#include "gate_result.hpp"
#include "keys.hpp"
#include "legs.hpp"
#include "mirror.hpp"
#include "plan_read.hpp"
#include "promotion.hpp"
#include "session.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/release/cleaning.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_journal_bytes = 256u << 20, max_plan_bytes = 256u << 20;

constexpr std::string_view own_prefix = "_shipset.", leg_part = ".leg.", gate_part = ".gate.";

/// A release that some journal tells about, or tags that prove themselves.
struct Known {
  JournalState state;
  std::optional<fs::path> folder;
  std::string plan;                        ///< JSON; may be empty
  std::map<std::string, Location> places;  ///< where its tags are, by name
  std::vector<std::string> marked;         ///< without a journal: tags whose content says that they are of this release
  bool running = false;
};

class Cleaner {
 public:
  Cleaner(const CleanOptions& options, const EventSink& events, const CancelToken& cancel)
      : options_(options), cancel_(cancel), stores_(stopped_by(options.client, cancel), events) {}

  Result<CleanReport> run() {
    if (!options_.id.empty()) SHIPSET_CHECK(check_release_id(options_.id));
    SHIPSET_CHECK(find_local());
    if (options_.staging) SHIPSET_CHECK(find_mirrored(*options_.staging));
    if (!options_.id.empty() && !known_.contains(options_.id)) return no_journal(options_.directory, options_.id);
    for (auto& [id, known] : known_) {
      SHIPSET_CHECK(cancel_.check());
      if (!options_.id.empty() && id != options_.id) continue;
      if (const std::string why = reason_to_keep(id, known); !why.empty())
        report_.kept.push_back({id, why});
      else
        SHIPSET_CHECK(clean_release(id, known));
    }
    return std::move(report_);
  }

 private:
  static registry::ClientOptions stopped_by(registry::ClientOptions client, const CancelToken& cancel) {
    client.cancel = cancel;
    return client;
  }

  Result<void> find_local() {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(state_folder(options_.directory), ignored)) {
      const fs::path journal = entry.path() / Journal::file_name;
      const std::string id = entry.path().filename().string();
      if (!fs::is_regular_file(journal, ignored) || (!options_.id.empty() && id != options_.id)) continue;
      Known known;
      const std::string object = "the journal " + journal.string();
      SHIPSET_TRY(const std::string text, read_file(journal, max_journal_bytes));
      const auto lines = read_journal(text, object);
      auto state = lines ? read_state(lines->records, object) : Result<JournalState>(Error(lines.error()));
      if (!state && !options_.id.empty()) return std::move(state).error();
      if (!state) {  // it proves nothing, and stands in the way of no other
        report_.kept.push_back({id, state.error().what + (state.error().why.empty() ? "" : ": " + state.error().why)});
        continue;
      }
      known.state = std::move(*state);
      known.folder = entry.path();
      known.running = !FileLock::acquire(entry.path() / Journal::lock_name, std::chrono::milliseconds(0)).ok();
      if (auto plan = read_file(entry.path() / Journal::plan_name, max_plan_bytes)) known.plan = std::move(*plan);
      add_places(known);
      known_.insert_or_assign(id, std::move(known));
    }
    return {};
  }

  Result<void> find_mirrored(const Location& place) {
    SHIPSET_TRY(oci::Store* const store, stores_.look({{}, place}));
    if (store == nullptr) return {};
    SHIPSET_TRY(const auto tags, store->tags());
    for (const auto& tag : tags) {
      const std::string id = mirrored_id(tag);
      if (id.empty() || (!options_.id.empty() && id != options_.id)) continue;
      if (const auto at = known_.find(id); at != known_.end()) {
        at->second.places.emplace(place.str(), place);
        continue;
      }
      SHIPSET_TRY(auto mirror, read_mirror(*store, id));
      if (!mirror) continue;
      Known known;
      known.state = std::move(mirror->state);
      known.plan = std::move(mirror->plan);
      known.places.emplace(place.str(), place);
      add_places(known);
      known_.emplace(id, std::move(known));
    }
    return find_marked(*store, place, tags);
  }

  /// What `shipset build` staged and nobody promoted: no journal tells of it, each image says what it belongs to.
  Result<void> find_marked(oci::Store& store, const Location& place, const std::vector<std::string>& tags) {
    std::map<std::string, Known> found;
    for (const auto& tag : tags) {
      const auto dot = tag.find('.', own_prefix.size());
      if (!tag.starts_with(own_prefix) || dot == std::string::npos) continue;
      const std::string id = tag.substr(own_prefix.size(), dot - own_prefix.size()), rest = tag.substr(dot);
      if (known_.contains(id) || (!options_.id.empty() && id != options_.id)) continue;
      if (!rest.starts_with(leg_part) && !rest.starts_with(gate_part)) continue;
      SHIPSET_TRY(const bool ours, is_marked(store, id, tag, rest));
      if (!ours) continue;
      found[id].marked.push_back(tag);
      found[id].places.emplace(place.str(), place);
    }
    known_.merge(found);
    return {};
  }

  static Result<bool> is_marked(oci::Store& store, const std::string& id, const std::string& tag,
                                const std::string& rest) {
    SHIPSET_TRY(const auto at, store.resolve(tag));
    if (!at) return false;
    const auto no = [](const Error& error) -> Result<bool> {
      if (error.kind == ErrorKind::not_found || error.kind == ErrorKind::verify) return false;
      return error;
    };
    if (rest.starts_with(gate_part)) {
      const auto result = read_result(store, *at, id, rest.substr(gate_part.size()));
      return result ? Result<bool>(true) : no(result.error());
    }
    const auto bytes = store.manifest(at->digest);
    if (!bytes) return no(bytes.error());
    const auto leg = parse_leg(bytes->bytes, tag);
    return leg && leg->id == id;
  }

  void add_places(Known& known) const {
    const auto add = [&](const std::string& text) {
      if (auto place = Location::parse(text)) known.places.emplace(text, std::move(*place));
    };
    for (const auto& move : known.state.moves) add(move.location);
    if (options_.staging) known.places.emplace(options_.staging->str(), *options_.staging);
    if (known.plan.empty()) return;
    const auto plan = frozen::parse(known.plan);
    if (!plan) return;
    for (const auto& target : frozen::child(*plan, "targets")) add(frozen::text_at(target, "location"));
    const auto staging = staging_place(frozen::text_at(*plan, "staging_repository"),
                                       frozen::text_at(frozen::child(*plan, "options"), "to"));
    if (staging && *staging) known.places.emplace((*staging)->str(), **staging);
  }

  [[nodiscard]] std::string reason_to_keep(const std::string& id, const Known& known) const {
    if (known.running) return "a process works on it";
    if (!known.state.id.empty() && known.state.id != id)
      return "its journal belongs to release " + printable(known.state.id, 64) + " and proves nothing";
    if (known.state.unfinished_moves())
      return "its tags have begun to move: shipset resume " + id + ", or shipset rollback " + id;
    const bool given_up = !options_.id.empty();
    if (!known.marked.empty() && !given_up)
      return "its images are staged and wait for shipset promote " + id + "; shipset clean " + id + " --staging " +
             options_.staging->str() + " gives them up";
    const bool ended = known.state.outcome == "released" || known.state.outcome == "rolled back";
    if (ended || given_up) return {};
    return "it has not ended: shipset resume " + id + " goes on with it, shipset clean " + id + " gives it up";
  }

  static std::string what_of(const std::string& tag, const std::string& prefix) {
    const std::string rest = tag.substr(prefix.size());
    if (rest.starts_with("leg.") || rest.starts_with("index.")) return "staged image";
    if (rest.starts_with("hold.")) return "keeps an old image";
    if (rest.starts_with("gate.")) return "result of a gate";
    if (rest == "journal") return "mirrored journal";
    return "of this release";
  }

  Result<void> clean_release(const std::string& id, const Known& known) {
    const std::string prefix = std::string(own_prefix) + id + ".";
    bool all = true;
    for (const auto& [name, place] : known.places) {
      SHIPSET_TRY(oci::Store * store, stores_.look({{}, place}));
      if (store == nullptr) continue;
      SHIPSET_TRY(const auto tags, tags_of(*store, id, known));
      for (const auto& tag : tags) {
        Leftover item{id, "tag", name + ":" + tag, what_of(tag, prefix), "listed", {}};
        if (options_.remove) SHIPSET_CHECK(remove(place, tag, item));
        all = all && item.status != "left";
        report_.items.push_back(std::move(item));
      }
    }
    if (!known.folder) return {};
    Leftover item{id, "folder", known.folder->string(), "journal, frozen plan and logs", "listed", {}};
    if (known.places.empty()) item.why = "it names no repository; what was staged before is found with --staging";
    if (options_.remove && all) {
      std::error_code problem;
      fs::remove_all(*known.folder, problem);
      drop_files(*known.folder, true);
      item.status = problem ? "left" : "removed";
      if (problem) item.why = problem.message();
    } else if (options_.remove) {
      item.status = "left";
      item.why = "it proves which of the tags above are ours";
    }
    report_.items.push_back(std::move(item));
    return {};
  }

  /// Ours by the listing; where the registry gives none, those that the release may have set.
  Result<std::vector<std::string>> tags_of(oci::Store& store, const std::string& id, const Known& known) {
    if (!known.marked.empty()) return known.marked;
    const std::string prefix = std::string(own_prefix) + id + ".";
    auto listed = store.tags();
    if (listed) {
      std::erase_if(*listed, [&](const std::string& tag) { return !tag.starts_with(prefix); });
      return listed;
    }
    if (listed.error().kind == ErrorKind::cancelled || listed.error().kind == ErrorKind::network) return listed;
    std::vector<std::string> out;
    for (const auto& tag : possible_tags(id, known)) {
      SHIPSET_TRY(const auto there, store.resolve(tag));
      if (there) out.push_back(tag);
    }
    return out;
  }

  static std::vector<std::string> possible_tags(const std::string& id, const Known& known) {
    std::vector<std::string> out{mirror_tag(id)};
    for (const auto& move : known.state.moves) out.push_back(hold_tag(id, move.number));
    const auto plan = known.plan.empty() ? Result<Json>(Json()) : frozen::parse(known.plan);
    if (!plan) return out;
    for (const auto& variant : frozen::child(*plan, "variants"))
      for (const auto& image : frozen::child(variant, "images"))
        if (const auto platform = Platform::parse(frozen::text_at(image, "platform")))
          out.push_back(leg_tag(id, frozen::text_at(variant, "name"), *platform));
    for (const auto& gate : frozen::child(*plan, "gates")) out.push_back(gate_tag(id, frozen::text_at(gate, "name")));
    return out;
  }

  Result<void> remove(const Location& place, const std::string& tag, Leftover& item) {
    SHIPSET_TRY(oci::Store* const store, stores_.write({{}, place}, {}, cancel_));
    const auto removed = store->remove_tag(tag);
    if (!removed && removed.error().kind == ErrorKind::cancelled) return removed.error();
    item.status = removed && *removed ? "removed" : "left";
    if (item.status == "removed") return {};
    item.why = removed
                   ? "this registry removes no tags on request: remove it in its web interface, or with its own tool"
                   : removed.error().what + (removed.error().why.empty() ? "" : ": " + removed.error().why);
    return {};
  }

  const CleanOptions& options_;
  const CancelToken cancel_;
  Stores stores_;
  std::map<std::string, Known> known_;
  CleanReport report_;
};

}  // namespace

std::string CleanReport::to_json() const {
  JsonWriter out;
  out.begin_object().member("schema_version", 1).member("kind", "shipset.clean").key("items").begin_array();
  for (const auto& item : items) {
    out.begin_object().member("release", item.release).member("kind", item.kind).member("name", item.name);
    out.member("what", item.what).member("status", item.status).member("why", item.why).end_object();
  }
  out.end_array().key("kept").begin_array();
  for (const auto& one : kept) out.begin_object().member("release", one.release).member("why", one.why).end_object();
  out.end_array().end_object();
  return out.take();
}

Result<CleanReport> clean(const CleanOptions& options, const EventSink& events, const CancelToken& cancel) {
  return Cleaner(options, events, cancel).run();
}

}  // namespace shipset::release
