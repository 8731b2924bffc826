#include <charconv>
#include <filesystem>

#include "each_task_impl.hpp"
#include "native_impl.hpp"

namespace shipset::build::native {

namespace {

bool parse_number(std::string_view text, int base, std::uint64_t& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return !text.empty() && code == std::errc() && end == text.data() + text.size();
}

Error bad_layer(const NativeLayer& layer, std::string why, std::string hint) {
  return Error(ErrorKind::spec, "wrong native layer \"" + layer.from + "\"", std::move(why), std::move(hint));
}

}  // namespace

Result<oci::LayerInput> layer_input(const NativeLayer& layer, const std::string& directory) {
  oci::LayerInput out;
  out.from = std::filesystem::path(directory) / layer.from;
  out.to = layer.to;
  if (!layer.owner.empty()) {
    const auto colon = layer.owner.find(':');
    std::uint64_t uid = 0, gid = 0;
    const bool good =
        parse_number(std::string_view(layer.owner).substr(0, colon), 10, uid) &&
        (colon == std::string::npos || parse_number(std::string_view(layer.owner).substr(colon + 1), 10, gid));
    if (!good || uid > UINT32_MAX || gid > UINT32_MAX)
      return bad_layer(layer, "the owner \"" + layer.owner + "\" is not numeric",
                       "write uid or uid:gid; names cannot be looked up without the image's own user list");
    out.uid = uid;
    // As COPY --chown does with a single number.
    out.gid = colon == std::string::npos ? uid : gid;
  }
  if (!layer.mode.empty()) {
    std::uint64_t mode = 0;
    if (!parse_number(layer.mode, 8, mode) || mode > 07777)
      return bad_layer(layer, "the mode \"" + layer.mode + "\" is not octal", "write it as \"0755\"");
    out.mode = static_cast<std::uint32_t>(mode);
  }
  return out;
}

std::string layer_key(const oci::LayerInput& input, Compression compression, std::int64_t epoch_unix_s) {
  std::error_code code;
  auto path = std::filesystem::weakly_canonical(input.from, code);
  std::string key = (code ? input.from : path).string();
  key += '\0' + input.to + '\0' + std::string(to_string(compression)) + '\0' + std::to_string(epoch_unix_s);
  // Its own name decides where a single file goes and whether an archive is unpacked.
  key += '\0' + input.from.filename().string();
  for (const auto& number : {input.uid, input.gid}) key += '\0' + (number ? std::to_string(*number) : std::string("-"));
  key += '\0' + (input.mode ? std::to_string(*input.mode) : std::string("-"));
  return key;
}

Result<void> NativeBuilder::prepare(Task& task, BaseResolver& bases, const CancelToken& cancel) {
  const auto& settings = task.settings.native;
  if (!settings.present)
    return about(Error(ErrorKind::spec, "cannot build " + task.name() + " with the native backend",
                       "no [build.native] section applies to it",
                       "add one for the release, the variant or the platform, or choose another backend"),
                 task);
  task.bases.clear();
  if (settings.base != "scratch") {
    auto pinned = bases.pin(settings.base, task.platform, task.directory);
    if (!pinned) return about(std::move(pinned).error(), task);
    pinned->arg = "base";
    task.bases.push_back(std::move(*pinned));
  }
  Hasher all;
  for (const auto& layer : settings.layers) {
    auto input = layer_input(layer, task.directory);
    if (!input) return about(std::move(input).error(), task);
    oci::LayerOptions options;
    options.compression = settings.compression;
    options.mtime_unix_s = task.epoch_unix_s;
    options.cancel = cancel;
    auto digest = inputs_.get(layer_key(*input, Compression::none, task.epoch_unix_s),
                              [&] { return oci::input_digest(*input, options); });
    if (!digest) return about(std::move(digest).error(), task);
    all.update(digest->str());
    all.update("\n");
  }
  task.source = all.finish();
  return {};
}

void NativeBuilder::build(const std::vector<Task>& tasks, BaseResolver& bases, const BuildContext& context,
                          const std::function<void(Outcome)>& done) {
  Batch batch{bases, context, {}, {}, {}};
  each_task(
      tasks, context, [&](const Task& task) { return build_image(task, batch); }, done);
}

}  // namespace shipset::build::native
