#include "keys.hpp"

#include <random>

#include "session.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/matrix_json.hpp"

namespace shipset::release {

namespace {

/// Settings that say how a build runs, not what comes out of it.
BuildSettings without_means(BuildSettings settings) {
  settings.builder = {};
  settings.cache_from.clear();
  settings.cache_to.clear();
  settings.no_cache = false;
  settings.pull = false;
  settings.ssh.clear();
  settings.ulimits.clear();
  settings.output.clear();
  settings.allow_secret_args.clear();
  // What belongs to another backend than the one that builds.
  if (settings.backend != "native") settings.native = {};
  if (settings.backend != "prebuilt") settings.prebuilt.clear();
  return settings;
}

}  // namespace

Digest build_key(const std::vector<PlannedImage>& images) {
  JsonWriter out;
  out.begin_object().member("build-key", 1).key("images").begin_array();
  for (const auto& [task] : images) {
    out.begin_object();
    out.member("platform", task.platform.normalized().str());
    out.key("settings").raw(settings_json(without_means(task.settings)));
    out.member("epoch", task.epoch_unix_s);
    out.member("source", task.source.str());
    out.key("bases").begin_array();
    for (const auto& base : task.bases)
      out.begin_object().member("arg", base.arg).member("digest", base.digest.str()).end_object();
    out.end_array().end_object();
  }
  out.end_array().end_object();
  return Digest::of(out.str());
}

std::string release_id(const Matrix& matrix, const std::vector<Target>& targets, const Options& options,
                       const std::string& seed) {
  JsonWriter out;
  out.begin_array().value(matrix.file_digest.str()).value(options.backend).value(matrix.facts.ci_run);
  out.value(seed);
  const auto sha = matrix.facts.git.find("sha");
  out.value(matrix.facts.context_clean && sha != matrix.facts.git.end() ? sha->second : std::string());
  for (const auto& [name, value] : matrix.inputs) out.value(name).value(to_text(value));
  for (const auto& target : targets) out.value(target.name());
  out.end_array();
  return std::string(Digest::of(out.str()).brief());
}

std::string id_seed(const std::filesystem::path& directory) {
  const std::filesystem::path home = state_folder(directory), file = home / "seed";
  constexpr std::size_t bytes = 16;
  if (const auto kept = read_file(file, 64); kept && !trim(*kept).empty()) return std::string(trim(*kept));
  std::random_device source;
  std::string random;
  while (random.size() < bytes) random += static_cast<char>(source() & 0xff);
  if (!make_home(home) || !write_file_atomic(file, hex(random) + "\n")) return {};
  return hex(random);
}

Result<void> check_release_id(const std::string& id) {
  const bool legal = id.size() <= 64 && check_tag(id).ok() && id.find("..") == std::string::npos;
  if (legal && id.front() != '.') return {};
  return Error(ErrorKind::usage, "\"" + printable(id, 80) + "\" is no id of a release",
               "it holds letters, digits, dots, dashes and underscores, at most 64");
}

}  // namespace shipset::release
