// What a registry, and this machine, can do for a release: connection, login, rights, and how the registry behaves,
// each with advice. Without `write` nothing is left in a repository: uploads are opened and cancelled, and deleting is
// asked for something that cannot exist. Findings go into the registry's profile. No values of credentials anywhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shipset/base/event.hpp"
#include "shipset/registry/client.hpp"

namespace shipset::registry {

enum class Verdict : std::uint8_t {
  good,
  note,     ///< neither good nor bad: how it is
  unknown,  ///< could not be found out, or was not asked
  warning,  ///< works, with a loss
  bad,      ///< stands in the way
};
std::string_view to_string(Verdict verdict) noexcept;

struct Finding {
  std::string name;    ///< what was looked at, stable: connection, login, pull, push, …
  std::string result;  ///< a few words
  Verdict verdict = Verdict::note;
  std::string explanation;  ///< may be empty
  std::string advice;       ///< what to do; may be empty
};

struct DoctorReport {
  std::string host;        ///< as people write it; empty: this machine
  std::string repository;  ///< path; may be empty
  std::vector<Finding> findings;
  Profile profile;                ///< of the registry, with what was found now
  std::vector<std::string> left;  ///< what a written trial left behind, because the registry cannot remove it
  std::optional<Error> problem;   ///< what makes it unusable: kind network (not reached), auth or registry (refused)
  [[nodiscard]] bool usable() const noexcept { return !problem; }
  [[nodiscard]] std::string to_json() const;
};

struct DoctorOptions {
  /// Write a small artifact manifest under a tag `_shipset.doctor.<random>` in the repository, and remove it again.
  bool write = false;
};

/// Looks at `HOST[:PORT][/REPOSITORY]`, or `REPOSITORY` of Docker Hub with a slash in it. Events: a note per step.
/// Errors: usage (no such place), cancelled; whatever the registry does is in the report.
Result<DoctorReport> diagnose(Client& client, const std::string& place, const DoctorOptions& options,
                              const EventSink& events = {}, const CancelToken& cancel = {});

/// Looks at this machine: credential files and helpers, certificates, proxies, state folder, builders.
Result<DoctorReport> examine_machine(const ClientOptions& options, const CancelToken& cancel = {});

}  // namespace shipset::registry
