// What builders say when they fail, by name. The texts are those of buildx and BuildKit; a text that is not known stays
// as it is.
#include <algorithm>
#include <array>

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
};

constexpr std::string_view refused =
    "401|403|unauthorized|denied|authorization failed|insufficient_scope|no basic auth|authentication required";

// The first that fits is taken, so what is more special stands before what is more general.
constexpr Fault faults[] = {
    {"buildx-too-old",
     ErrorKind::build,
     {"unknown flag: --progress", "unknown flag: --metadata-file", "invalid progress type rawjson",
      "unknown progress type", "invalid progress mode"},
     "",
     "needs a newer buildx",
     "install buildx 0.13 or newer"},
    {"builder-missing",
     ErrorKind::build,
     {"no builder \"", "unknown builder"},
     "",
     "has no builder",
     "create it with buildx create, or name another one with --builder"},
    {"wrong-driver",
     ErrorKind::build,
     {"not supported for the docker driver", "not implemented for docker driver", "docker driver does not support",
      "is not currently supported for docker driver", "multi-platform build is not supported for the docker driver",
      "attestation is not supported for the docker driver", "unsupported for docker driver"},
     "",
     "needs another driver",
     "create a builder with buildx create --driver docker-container (or remote, kubernetes, cloud) and name it with "
     "--builder"},
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
     "ran out of memory on the builder",
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
      "failed to fetch anonymous token"},
     refused,
     "needs an image that the builder may not read",
     "log in with docker login, or name another base"},
    {"base-missing",
     ErrorKind::build,
     {"failed to resolve source metadata", "failed to load cache key", "failed to do request"},
     "not found|404|no such host|connection refused|i/o timeout",
     "needs an image that the builder cannot read",
     "see whether the image exists and whether the builder reaches its registry"},
    {"secret-missing",
     ErrorKind::build,
     {"failed to stat", "secret not found", "not found: secret", "environment variable not found"},
     "secret",
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
     "see whether it runs: buildx inspect --bootstrap"},
};

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

/// The line that says it: the last one that begins with ERROR, else the last one.
std::string essence(const std::string& said) {
  std::string out;
  for (const auto& line : split(said, '\n')) {
    const auto text = trim(line);
    if (text.empty()) continue;
    if (text.starts_with("ERROR:") || !out.starts_with("ERROR:")) out = text;
  }
  if (out.starts_with("ERROR:")) out = std::string(trim(std::string_view(out).substr(6)));
  return printable(redact(out), 1000);
}

}  // namespace

Error name_fault(const std::string& subject, const std::string& said, const std::string& builder) {
  const std::string lower = to_lower(said);
  for (const auto& fault : faults) {
    if (!fits(fault, lower)) continue;
    Error error(fault.kind, subject + " " + std::string(fault.what), essence(said), std::string(fault.hint));
    if (!builder.empty()) error.with("builder", builder);
    return error.with("fault", std::string(fault.name));
  }
  Error error(ErrorKind::build, subject + " could not be built", essence(said));
  if (!builder.empty()) error.with("builder", builder);
  return error.with("fault", "unknown");
}

}  // namespace shipset::build::buildx
