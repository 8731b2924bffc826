// What builders say when they fail, by name. The texts are those of buildx and BuildKit; a text that is not known stays
// as it is.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include "buildx_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::buildx {

namespace {

struct Fault {
  std::string_view name;
  ErrorKind kind;
  std::array<std::string_view, 10> any;  ///< one of these is said (lower case)
  std::string_view and_also;             ///< and this, or one of its parts between bars; empty: nothing more
  std::string_view what;                 ///< how the first line goes on behind the subject
  std::string_view hint;
  std::string_view builder_what = {};  ///< the first line where it is about the builder (%), not about one image
};

constexpr std::string_view refused =
    "401|403|unauthorized|denied|authorization failed|insufficient_scope|no basic auth|authentication required";

// The first that fits is taken, so what is more special stands before what is more general.
constexpr Fault faults[] = {
    {"buildx-too-old",
     ErrorKind::build,
     {"unknown flag: --progress", "unknown flag: --metadata-file", "invalid progress type rawjson",
      "unknown progress type", "invalid progress mode", "unsuitable value type"},
     "",
     "needs a newer buildx",
     "install buildx 0.20 or newer",
     "buildx is too old"},
    {"builder-missing",
     ErrorKind::build,
     {"no builder \"", "unknown builder"},
     "",
     "has no builder",
     "buildx ls lists the builders; create this one with buildx create, or name another with --builder",
     "there is no builder %"},
    {"wrong-driver",
     ErrorKind::build,
     {"not supported for the docker driver", "not implemented for docker driver", "docker driver does not support",
      "is not currently supported for docker driver", "multi-platform build is not supported for the docker driver",
      "attestation is not supported for the docker driver", "unsupported for docker driver"},
     "",
     "needs another driver",
     "create a builder with buildx create --driver docker-container (or remote, kubernetes, cloud) and name it with "
     "--builder",
     "the driver of the builder % cannot do it"},
    {"disk-full",
     ErrorKind::build,
     {"no space left on device", "disk quota exceeded"},
     "",
     "ran out of disk on the builder",
     "make room there, for example with buildx prune, and run the release again"},
    {"out-of-memory",
     ErrorKind::build,
     {"exit code: 137", "cannot allocate memory", "signal: killed", "out of memory", "oom-kill", "oom killed"},
     "",
     "was killed on the builder, as it happens when memory runs out",
     "give the builder more memory, or build less at a time"},
    {"no-emulation",
     ErrorKind::build,
     {"exec format error"},
     "",
     "cannot run programs of its platform on the builder",
     "register the emulation there (qemu-user-static with binfmt, flag F), or add a node that is of this platform"},
    {"push-unauthorized",
     ErrorKind::auth,
     {"failed to push", "pushing manifest", "error pushing", "push access denied"},
     refused,
     "may not be pushed by the builder",
     "log in with docker login (or shipset login) as a user that may push there, and look at the builder's own "
     "network"},
    {"push-failed",
     ErrorKind::build,
     {"failed to push", "error pushing"},
     "",
     "could not be pushed by the builder",
     "see whether the builder can reach the registry; output = \"layout\" pushes from this machine instead"},
    {"no-target",
     ErrorKind::spec,
     {"could not be found"},
     "target stage",
     "has no such target",
     "name a stage of the Dockerfile"},
    {"base-platform",
     ErrorKind::build,
     {"no match for platform in manifest", "does not provide the specified platform"},
     "",
     "needs an image that does not exist for its platform",
     "drop the platform, or choose another base for it"},
    {"base-unauthorized",
     ErrorKind::auth,
     {"failed to resolve source metadata", "failed to authorize", "pull access denied", "failed to fetch oauth token",
      "failed to fetch anonymous token", "unexpected status from head request", "unexpected status from get request"},
     refused,
     "needs an image that the builder may not read",
     "log in with docker login, or name another base"},
    {"base-missing",
     ErrorKind::build,
     {"failed to resolve source metadata", "failed to load cache key", "failed to do request",
      "unexpected status from head request", "unexpected status from get request"},
     "not found|404|no such host|connection refused|i/o timeout",
     "needs an image that the builder cannot read",
     "see whether the image exists and whether the builder reaches its registry"},
    {"secret-missing",
     ErrorKind::build,
     {"failed to stat ", "environment variable not found"},
     "",
     "lacks a build secret",
     "set the environment variable, or the file, that the release file names"},
    {"step-failed", ErrorKind::build, {"did not complete successfully"}, "", "failed in a step of its Dockerfile", ""},
    {"dockerfile",
     ErrorKind::spec,
     {"dockerfile parse error", "failed to parse dockerfile", "failed to read dockerfile", "unknown instruction"},
     "",
     "has a Dockerfile that cannot be used",
     ""},
    {"context",
     ErrorKind::build,
     {"failed to calculate checksum of ref", "failed to compute cache key", "unable to prepare context"},
     "",
     "lacks a file of its build context",
     "see whether it exists and whether .dockerignore leaves it out"},
    {"builder-unreachable",
     ErrorKind::build,
     {"connection refused", "dial unix", "dial tcp", "failed to find driver", "error reading from server",
      "connection closed before server preface", "failed to list workers", "closing transport", "code = unavailable",
      "context deadline exceeded"},
     "",
     "cannot reach the builder",
     "see whether it runs: buildx inspect --bootstrap",
     "the builder % cannot be reached"},
};

std::string first_line(const Fault& fault, const std::string& subject, const std::string& builder) {
  if (fault.builder_what.empty()) return subject + " " + std::string(fault.what);
  std::string out(fault.builder_what);
  if (const auto at = out.find("builder %"); at != std::string::npos)
    out.replace(at, 9, builder.empty() ? "default builder" : "builder " + printable(builder));
  return out;
}

bool says(std::string_view text, std::string_view alternatives) {
  for (const auto& part : split(alternatives, '|'))
    if (text.find(part) != std::string_view::npos) return true;
  return false;
}

bool fits(const Fault& fault, const std::string& text) {
  const bool any = std::any_of(fault.any.begin(), fault.any.end(), [&](std::string_view part) {
    return !part.empty() && text.find(part) != std::string::npos;
  });
  return any && (fault.and_also.empty() || says(text, fault.and_also));
}

void drop_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    const auto end = text.find(to, at + from.size());
    if (end == std::string::npos) return;
    text.erase(at, end + to.size() - at);
  }
}

/// The line that says it: the last one that begins with ERROR, else the last one. Without what says nothing to people:
/// who passed the error on, and names that BuildKit gives to its snapshots.
std::string essence(const std::string& said) {
  std::string out;
  for (const auto& line : split(said, '\n')) {
    const auto text = trim(line);
    if (text.empty()) continue;
    if (text.starts_with("ERROR:") || !out.starts_with("ERROR:")) out = text;
  }
  if (out.starts_with("ERROR:")) out = std::string(trim(std::string_view(out).substr(6)));
  if (out.starts_with("target "))
    if (const auto end = out.find(": "); end != std::string::npos && out.find(' ', 7) > end) out.erase(0, end + 2);
  for (const std::string_view prefix : {"failed to solve: ", "failed to compute cache key: "})
    if (out.starts_with(prefix)) out.erase(0, prefix.size());
  drop_all(out, "rpc error: code = ", " desc = ");
  if (const auto at = out.find(" of ref "); at != std::string::npos)
    if (const auto end = out.find(": ", at); end != std::string::npos) out.erase(at, end - at);
  // The command itself stands in the step, and in the lines of the Dockerfile.
  constexpr std::string_view ended = "\" did not complete successfully: exit code: ";
  if (const auto at = out.rfind(ended); out.starts_with("process \"") && at != std::string::npos)
    out = "its command ended with exit code " + out.substr(at + ended.size());
  return printable(redact(out), 1000);
}

/// `secret NAME: not found`
bool lacks_secret(const std::string& text) {
  const auto at = text.find("secret ");
  const auto end = at == std::string::npos ? at : text.find(": not found", at);
  return end != std::string::npos && text.find_first_of(" \n\"/", at + 7) > end;
}

/// What a step printed before it failed says more than its exit code, where the machine is the reason.
std::string with_reasons(const TargetProgress& told) {
  constexpr std::size_t looked_at = 5;
  std::string out = told.error;
  const std::size_t first = told.last_lines.size() > looked_at ? told.last_lines.size() - looked_at : 0;
  for (std::size_t i = first; i < told.last_lines.size(); ++i) {
    const std::string line = to_lower(told.last_lines[i]);
    for (const std::string_view reason : {"no space left on device", "cannot allocate memory", "exec format error"})
      if (line.find(reason) != std::string::npos) out = told.last_lines[i] + "\n" + out;
  }
  return out;
}

/// The place as lines: Dockerfile:LINE and what stands there. BuildKit prints it for one target of several.
std::string place_of(const Task& task, const TargetProgress& told) {
  int line = 0;
  std::string shown;
  if (!told.place.empty()) {
    const auto colon = told.place.find(':');
    const auto end = told.place.find('\n');
    line = std::atoi(told.place.substr(colon + 1, end - colon - 1).c_str());
    if (end != std::string::npos) shown = told.place.substr(end + 1);
  } else if (!told.failed_step.empty() && !is_remote(task.settings.context)) {
    const auto file = read_dockerfile(task);
    const auto query = query_of(task);
    if (file && query) line = file->step_line(*query, told.failed_step);
    if (line > 0) shown = file->excerpt(line);
  }
  if (line <= 0) return {};
  return task.settings.dockerfile + ":" + std::to_string(line) + (shown.empty() ? "" : "\n") + shown;
}

}  // namespace

Error name_fault(const std::string& subject, const std::string& said, const std::string& builder) {
  const std::string lower = to_lower(said);
  if (lacks_secret(lower)) {
    Error error(ErrorKind::build, subject + " lacks a build secret", essence(said),
                "name it in the release file: secrets = [{ id = \"…\", env = \"…\" }]");
    return error.with("builder", builder).with("fault", "secret-missing");
  }
  for (const auto& fault : faults) {
    if (!fits(fault, lower)) continue;
    Error error(fault.kind, first_line(fault, subject, builder), essence(said), std::string(fault.hint));
    if (!builder.empty()) error.with("builder", builder);
    return error.with("fault", std::string(fault.name));
  }
  std::string why = essence(said);
  if (why.empty()) why = "buildx told no reason, and no digest";
  Error error(ErrorKind::build, subject + " could not be built", std::move(why));
  if (!builder.empty()) error.with("builder", builder);
  return error.with("fault", "unknown");
}

Error target_fault(const Task& task, const std::string& subject, const TargetProgress& told, const std::string& text,
                   const std::string& builder) {
  // Without a failed step the call as a whole failed: the text says why.
  Error error = name_fault(subject, told.error.empty() ? text : with_reasons(told), builder);
  const std::string place = place_of(task, told);
  if (!told.failed_step.empty()) {
    if (place.empty()) error.why += "\nstep " + told.failed_step;
    error.with("step", told.failed_step);
  }
  if (!place.empty()) {
    error.why += "\n" + place;
    const auto colon = place.find(':', task.settings.dockerfile.size());
    error.with("file", task.settings.dockerfile).with("line", place.substr(colon + 1, place.find('\n') - colon - 1));
  }
  for (const auto& line : told.last_lines) error.why += "\n| " + line;
  if (!told.steps.log.empty() && told.first_ns != 0) {
    error.why += "\nlog: " + told.steps.log;
    error.with("log", told.steps.log);
  }
  return error;
}

/// buildx gives a step an empty secret where the variable is not set.
Result<void> check_secrets(const Task& task) {
  for (const auto& secret : task.settings.secrets) {
    std::error_code code;
    const bool there = secret.env.empty()
                           ? std::filesystem::is_regular_file(std::filesystem::path(task.directory) / secret.file, code)
                           : std::getenv(secret.env.c_str()) != nullptr;
    if (there) continue;
    return Error(ErrorKind::build, task.name() + " lacks the build secret " + secret.id,
                 secret.env.empty() ? "there is no file " + secret.file
                                    : "the environment variable " + secret.env + " is not set",
                 secret.env.empty() ? "write the file; the path is relative to the folder of the release file"
                                    : "set it; to the empty string where the build can do without")
        .with("fault", "secret-missing")
        .with("secret", secret.id);
  }
  return {};
}

}  // namespace shipset::build::buildx
