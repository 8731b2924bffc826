#include "mirror.hpp"

#include "shipset/base/bytes.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "_shipset.", suffix = ".journal";
constexpr std::string_view journal_type = "application/vnd.shipset.journal.v1",
                           plan_type = "application/vnd.shipset.plan.v1+json",
                           spec_type = "application/vnd.shipset.release-file.v1+toml", id_key = "io.shipset.release";
constexpr std::uint64_t max_part_bytes = 256u << 20;

oci::Descriptor describe(std::string_view type, std::string_view bytes) {
  oci::Descriptor out;
  out.media_type = std::string(type);
  out.digest = Digest::of(bytes);
  out.size = bytes.size();
  return out;
}

/// What older registries want of an image: a config that lists its layers.
std::string config_of(const std::vector<oci::Descriptor>& layers) {
  JsonWriter out;
  out.begin_object().member("architecture", "unknown").member("os", "unknown").key("config").begin_object();
  out.end_object().key("rootfs").begin_object().member("type", "layers").key("diff_ids").begin_array();
  for (const auto& layer : layers) out.value(layer.digest.str());
  out.end_array().end_object().end_object();
  return out.take();
}

Error unusable(const oci::Store& store, const std::string& id, std::string why) {
  return Error(ErrorKind::verify,
               "the mirror of release " + printable(id, 64) + " in " + store.name() + " cannot be used", std::move(why),
               "look at its tags by hand (shipset inspect), then release again");
}

Result<std::string> part(oci::Store& store, const oci::Manifest& manifest, std::string_view type,
                         const std::string& id) {
  for (const auto& layer : manifest.layers) {
    if (layer.media_type != type) continue;
    if (layer.size > max_part_bytes) return unusable(store, id, "it is larger than 256 MiB");
    SHIPSET_TRY(const auto source, store.blob(layer));
    SHIPSET_TRY(const auto reader, source->open(0));
    return read_all(*reader, layer.size, layer.digest.str());
  }
  return unusable(store, id, "it holds no " + std::string(type));
}

}  // namespace

std::string mirror_tag(const std::string& id) {
  return std::string(prefix) + id + std::string(suffix);
}

std::string mirrored_id(const std::string& tag) {
  if (!tag.starts_with(prefix) || !tag.ends_with(suffix) || tag.size() <= prefix.size() + suffix.size()) return {};
  const std::string id = tag.substr(prefix.size(), tag.size() - prefix.size() - suffix.size());
  return id.find('.') == std::string::npos ? id : std::string();
}

Result<void> write_mirror(oci::Store& store, const std::string& id, const fs::path& folder, const CancelToken& cancel) {
  oci::Manifest manifest;
  manifest.annotations.emplace(id_key, id);
  const std::pair<std::string_view, std::string_view> parts[] = {
      {journal_type, Journal::file_name}, {plan_type, Journal::plan_name}, {spec_type, Journal::spec_name}};
  const auto put = [&](const oci::Descriptor& blob, const std::string& bytes) -> Result<void> {
    SHIPSET_TRY(const bool there, store.has_blob(blob));
    if (!there) SHIPSET_CHECK(store.put_blob(blob, *memory_source(bytes), {}, cancel));
    return {};
  };
  for (const auto& [type, name] : parts) {
    SHIPSET_TRY(const std::string bytes, read_file(folder / name, max_part_bytes));
    manifest.layers.push_back(describe(type, bytes));
    SHIPSET_CHECK(put(manifest.layers.back(), bytes));
  }
  const std::string config = config_of(manifest.layers);
  manifest.config = describe(oci::media_type::config, config);
  SHIPSET_CHECK(put(manifest.config, config));
  const std::string bytes = manifest.to_bytes();
  return store.put_tag(mirror_tag(id), describe(oci::media_type::manifest, bytes), bytes);
}

Result<bool> end_mirror(oci::Store& store, const std::string& id, const fs::path& folder, const CancelToken& cancel) {
  SHIPSET_TRY(const auto there, store.resolve(mirror_tag(id)));
  if (!there) return true;
  const auto removed = store.remove_tag(mirror_tag(id));
  if (removed && *removed) return true;
  SHIPSET_CHECK(write_mirror(store, id, folder, cancel));
  return false;
}

Result<std::optional<Mirror>> read_mirror(oci::Store& store, const std::string& id) {
  SHIPSET_TRY(const auto tagged, store.resolve(mirror_tag(id)));
  if (!tagged) return std::optional<Mirror>();
  SHIPSET_TRY(const auto bytes, store.manifest(tagged->digest));
  SHIPSET_TRY(const auto manifest, oci::Manifest::parse(bytes.bytes, mirror_tag(id)));
  const auto named = manifest.annotations.find(std::string(id_key));
  if (named == manifest.annotations.end() || named->second != id)
    return unusable(store, id, "it does not say that it belongs to this release");
  Mirror out;
  SHIPSET_TRY(out.journal, part(store, manifest, journal_type, id));
  SHIPSET_TRY(out.plan, part(store, manifest, plan_type, id));
  SHIPSET_TRY(out.spec, part(store, manifest, spec_type, id));
  const std::string object = "the journal in " + store.name() + ":" + mirror_tag(id);
  SHIPSET_TRY(const JournalLines lines, read_journal(out.journal, object));
  SHIPSET_TRY(out.state, read_state(lines.records, object));
  out.check = lines.check;
  out.journal.resize(lines.bytes);
  if (out.state.id != id) return unusable(store, id, "its journal is of release " + printable(out.state.id, 64));
  if (Digest::of(out.plan).str() != out.state.plan) return unusable(store, id, "its plan is not that of its journal");
  return std::optional<Mirror>(std::move(out));
}

namespace {

/// A mirror is from right before the first move: any tag may have been moved since by the machine that wrote it.
std::string what_may_have_happened(const Mirror& mirror) {
  if (!mirror.state.unfinished_moves() || mirror.state.committed) return {};
  std::vector<std::size_t> moves, holds;
  for (const auto& move : mirror.state.moves) {
    if (!move.old || move.old->descriptor.digest != move.wanted.digest) moves.push_back(move.number);
    if (move.hold) holds.push_back(move.number);
  }
  std::string out, check = mirror.check;
  for (const auto& [act, numbers] : {std::pair{"hold", holds}, std::pair{"move", moves}}) {
    if (numbers.empty()) continue;
    const std::string line = journal_line(check, record::act(act, "begun", numbers));
    check = line.substr(0, line.find(' '));
    out += line;
  }
  return out;
}

}  // namespace

Result<void> restore_mirror(const Mirror& mirror, const fs::path& folder) {
  SHIPSET_CHECK(make_directories(folder));
  SHIPSET_CHECK(write_file_atomic(folder / Journal::plan_name, mirror.plan));
  SHIPSET_CHECK(write_file_atomic(folder / Journal::spec_name, mirror.spec));
  return write_file_atomic(folder / Journal::file_name, mirror.journal + what_may_have_happened(mirror));
}

}  // namespace shipset::release
