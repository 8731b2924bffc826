#include "journal_state.hpp"

#include <nlohmann/json.hpp>

#include "report_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr JsonLimits record_limits{16u << 20, 32, 500'000};
constexpr std::size_t max_moves = 100'000;

/// One record, read with care: what is missing or of another type makes the record fail.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}

  std::string text(const char* key) {
    const auto at = json_.find(key);
    if (at != json_.end() && at->is_string()) return at->get<std::string>();
    return fail(key), std::string();
  }
  std::uint64_t number(const char* key) {
    const auto at = json_.find(key);
    if (at != json_.end() && at->is_number_unsigned()) return at->get<std::uint64_t>();
    return fail(key), 0;
  }
  bool flag(const char* key) {
    const auto at = json_.find(key);
    if (at != json_.end() && at->is_boolean()) return at->get<bool>();
    return fail(key), false;
  }
  [[nodiscard]] bool has(const char* key) const { return json_.contains(key) && !json_.at(key).is_null(); }
  Digest digest(const char* key) {
    auto digest = Digest::parse(text(key));
    if (digest) return *digest;
    return fail(key), Digest();
  }
  std::vector<oci::Descriptor> descriptors(const char* key) {
    const auto at = json_.find(key);
    if (at == json_.end() || !at->is_array()) return fail(key), std::vector<oci::Descriptor>();
    return read_list(*at, key);
  }
  oci::Descriptor descriptor(const char* key) {
    const auto at = json_.find(key);
    if (at == json_.end()) return fail(key), oci::Descriptor();
    const auto read = read_list(Json::array({*at}), key);
    return read.size() == 1 ? read.front() : oci::Descriptor();
  }
  const Json& list(const char* key) {
    static const Json nothing = Json::array();
    const auto at = json_.find(key);
    if (at != json_.end() && at->is_array()) return *at;
    return fail(key), nothing;
  }
  const Json& object(const char* key) {
    static const Json nothing = Json::object();
    const auto at = json_.find(key);
    if (at != json_.end() && at->is_object()) return *at;
    return fail(key), nothing;
  }
  std::string base64(const char* key) {
    std::string out;
    if (!base64_decode(text(key), out)) fail(key);
    return out;
  }
  void fail(const char* key) {
    if (wrong_.empty()) wrong_ = key;
  }
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

 private:
  /// Descriptors are read by the reader of indexes, with its checks.
  std::vector<oci::Descriptor> read_list(const Json& list, const char* key) {
    const Json index = {{"schemaVersion", 2}, {"mediaType", std::string(oci::media_type::index)}, {"manifests", list}};
    auto read = oci::Index::parse(index.dump(), key);
    if (read) return std::move(read->manifests);
    return fail(key), std::vector<oci::Descriptor>();
  }
  const Json& json_;
  std::string wrong_;
};

class Reader {
 public:
  JournalState state;

  /// What is wrong with the record; empty: it was taken.
  std::string take(const Json& json) {
    if (!json.is_object()) return "it is no object";
    Fields fields(json);
    if (json.contains("kind")) {
      state.id = fields.text("id");
      state.name = fields.text("name");
      state.version = fields.text("version");
      return fields.wrong();
    }
    const std::string step = fields.text("step");
    const auto at = steps().find(step);
    if (at == steps().end()) return "the step \"" + printable(step, 40) + "\" is not known";
    (this->*at->second)(fields);
    return fields.wrong().empty() ? std::string() : "\"" + fields.wrong() + "\" of step " + step + " is wrong";
  }

 private:
  using Take = void (Reader::*)(Fields&);
  static const std::map<std::string, Take>& steps() {
    static const std::map<std::string, Take> all{
        {"begin", &Reader::begin},   {"resume", &Reader::resume}, {"phase", &Reader::phase},
        {"image", &Reader::image},   {"gate", &Reader::gate},     {"attested", &Reader::attested},
        {"index", &Reader::index},   {"old", &Reader::old},       {"move", &Reader::move},
        {"moves", &Reader::moves},   {"act", &Reader::act},       {"undoing", &Reader::undoing},
        {"commit", &Reader::commit}, {"set", &Reader::set},       {"end", &Reader::end}};
    return all;
  }

  void begin(Fields& fields) {
    JournalState fresh;
    fresh.id = state.id;
    fresh.name = state.name;
    fresh.version = state.version;
    fresh.attempts = state.attempts + 1;
    fresh.images = std::move(state.images);
    fresh.attested = std::move(state.attested);
    state = std::move(fresh);
    old_.clear();
    known_.clear();
    state.plan = fields.text("plan");
    state.goal = fields.text("goal");
  }
  void resume(Fields&) {}  // tells people that another process went on
  void phase(Fields& fields) {
    const std::string name = fields.text("name");
    if (fields.text("state") == "done")
      state.done.insert(name);
    else
      state.phase = name;
  }
  void image(Fields& fields) {
    ImageRecord image;
    image.variant = fields.text("variant");
    image.platform = fields.text("platform");
    image.key = fields.digest("key");
    image.place = fields.text("place");
    image.built.manifest = fields.descriptor("manifest");
    image.built.bytes = fields.number("size_bytes");
    for (const auto& item : fields.list("layers")) {
      Fields layer(item);
      image.built.layers.push_back({layer.text("from"), layer.digest("diff_id")});
      if (!layer.wrong().empty()) fields.fail("layers");
    }
    image.built.attestations = fields.descriptors("attestations");
    for (const auto& note : fields.list("notes"))
      if (note.is_string()) image.built.notes.push_back(note.get<std::string>());
    auto key = std::make_pair(image.variant, image.platform);
    state.images.insert_or_assign(std::move(key), std::move(image));
  }
  void attested(Fields& fields) {
    AttestedRecord out;
    out.variant = fields.text("variant");
    out.platform = fields.text("platform");
    out.manifest = fields.digest("manifest");
    out.key = fields.digest("key");
    out.legacy = fields.flag("legacy");
    if (fields.has("attestation")) out.attestation = fields.descriptor("attestation");
    out.referrers = fields.descriptors("referrers");
    out.sbom = fields.flag("sbom");
    out.provenance = fields.flag("provenance");
    out.packages = fields.number("packages");
    auto key = std::make_pair(out.variant, out.platform);
    state.attested.insert_or_assign(std::move(key), std::move(out));
  }
  void index(Fields& fields) { state.indexes.insert_or_assign(fields.text("variant"), fields.descriptor("index")); }
  void gate(Fields& fields) {
    auto gate = read_gate(fields.object("gate"));
    if (gate)
      state.gates.push_back(std::move(*gate));
    else
      fields.fail("gate");
  }
  void old(Fields& fields) {
    oci::ManifestBytes manifest;
    manifest.descriptor = fields.descriptor("manifest");
    manifest.bytes = fields.base64("bytes");
    if (Digest::of(manifest.bytes) != manifest.descriptor.digest) fields.fail("bytes");
    const Digest digest = manifest.descriptor.digest;
    old_.insert_or_assign(digest, std::move(manifest));
  }
  void move(Fields& fields) {
    MoveRecord move;
    move.number = fields.number("number");
    move.step = fields.number("at");
    move.location = fields.text("location");
    move.tag = fields.text("tag");
    move.reference = fields.text("reference");
    move.variant = fields.text("variant");
    move.reason = fields.text("reason");
    move.wanted = fields.descriptor("new");
    if (fields.has("bytes")) move.wanted_bytes = fields.base64("bytes");
    if (fields.has("old")) {
      const auto at = old_.find(fields.digest("old"));
      if (at == old_.end())
        fields.fail("old");
      else
        move.old = at->second;
    }
    move.hold = fields.flag("hold");
    const bool rises = state.moves.empty() || move.number > state.moves.back().number;
    if (!rises || state.moves.size() >= max_moves) fields.fail("number");
    known_.insert(move.number);
    state.moves.push_back(std::move(move));
  }
  void moves(Fields& fields) {
    if (fields.number("count") != state.moves.size()) fields.fail("count");
    state.moving = true;
  }
  void act(Fields& fields) {
    const std::string act = fields.text("act"), at = fields.text("state");
    if (act == "undo") state.undoing = true;
    auto& set = at == "done" ? state.ended[act] : state.begun[act];
    for (const auto& number : fields.list("numbers")) {
      if (number.is_number_unsigned() && known_.contains(number.get<std::size_t>()))
        set.insert(number.get<std::size_t>());
      else
        fields.fail("numbers");
    }
  }
  void undoing(Fields&) {
    state.undoing = true;
    state.outcome.clear();
  }
  void commit(Fields&) { state.committed = true; }
  void set(Fields& fields) { state.sets.push_back({fields.text("location"), fields.descriptor("manifest")}); }
  void end(Fields& fields) { state.outcome = fields.text("outcome"); }

  std::map<Digest, oci::ManifestBytes> old_;
  std::set<std::size_t> known_;  ///< numbers of moves
};

}  // namespace

Result<JournalState> read_state(const std::vector<std::string>& records, const std::string& object) {
  Reader reader;
  for (std::size_t i = 0; i < records.size(); ++i) {
    SHIPSET_TRY(const Json json, parse_json(records[i], object, ErrorKind::verify, record_limits));
    if (const std::string wrong = reader.take(json); !wrong.empty())
      return Error(ErrorKind::verify, object + " cannot be used: line " + std::to_string(i + 1), wrong,
                   "was it written by another version of shipset?");
  }
  return std::move(reader.state);
}

}  // namespace shipset::release
