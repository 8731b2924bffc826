// Profiles on disk: one small file per host, read once, merged with what other processes learnt when written.
#include <algorithm>
#include <ctime>

#include "profile_impl.hpp"
#include "shipset/base/file.hpp"
#include "state_directory_impl.hpp"
#include "url_impl.hpp"

namespace shipset::registry {

namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t file_limit = 64u << 10;
constexpr std::size_t host_limit = 200;
/// The end of a client may not hang on a file that someone else holds.
constexpr std::chrono::milliseconds lock_wait{300};
constexpr std::string_view folder_name = "registries";

/// Empty: this host is not kept. A port of this machine may be another registry tomorrow.
std::string file_name(const std::string& host) {
  if (host.empty() || host.front() == '.' || host.size() > host_limit || is_loopback_host(host)) return {};
  std::string out;
  for (const char c : host) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                       c == '-' || c == '[' || c == ']';
    out += plain ? c : '_';
  }
  return out + ".json";
}
}  // namespace

std::int64_t Profiles::clock() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

Profiles::Entry& Profiles::entry(const std::string& host) {
  const auto [it, added] = entries_.try_emplace(host);
  Entry& at = it->second;
  if (!added) return at;
  at.profile = profile_by_name(host);
  const std::string file = file_name(host);
  if (file.empty() || state_directory_.empty()) return at;
  const auto text = read_private_file(fs::path(state_directory_) / folder_name / file, file_limit);
  if (!text) return at;
  auto read = parse_profile(*text, host, clock());
  if (read) {
    each_fact(*read, [&](const char*, auto& fact) { fact.at_unix_s = std::min(fact.at_unix_s, began_ - 1); });
    merge(at.profile, *read);
  } else {
    emit(notes_, {EventKind::warning,
                  {},
                  host,
                  "what was learnt of " + host + " before cannot be read and counts as unknown: " +
                      (read.error().why.empty() ? read.error().what : read.error().why),
                  0,
                  0,
                  {}});
  }
  return at;
}

void Profiles::count(const std::string& host, Fact<std::uint64_t> Profile::*fact, std::uint64_t value) {
  std::lock_guard lock(mutex_);
  entry(host).profile.*fact = {value, clock(), Learnt::by_request};
}

Profile Profiles::of(const std::string& host) {
  std::lock_guard lock(mutex_);
  return entry(host).profile;
}

bool Profiles::claim_mount_check(const std::string& host) {
  std::lock_guard lock(mutex_);
  Entry& at = entry(host);
  const bool seen = at.profile.mount_check.value && at.profile.mount_check.at_unix_s >= began_;
  if (seen || at.mount_check_claimed) return false;
  at.mount_check_claimed = true;
  return true;
}

void Profiles::save() {
  std::lock_guard lock(mutex_);
  fs::path folder;
  for (auto& [host, at] : entries_) {
    if (!at.changed) continue;
    at.changed = false;
    if (state_directory_.empty() || file_name(host).empty()) continue;
    if (folder.empty()) {
      const auto made = state_folder(state_directory_, folder_name);
      if (!made) return;
      folder = *made;
    }
    save_one(folder, at.profile);
  }
}

void Profiles::save_one(const fs::path& folder, const Profile& profile) const {
  const auto lock = FileLock::acquire(folder / ".lock", lock_wait);
  if (!lock) return;
  const fs::path file = folder / file_name(profile.host);
  Profile kept = profile;
  if (const auto text = read_private_file(file, file_limit)) {
    const auto there = parse_profile(*text, profile.host, clock());
    // A newer shipset knows more than this one can keep.
    if (!there && there.error().context.contains("newer")) return;
    if (there) merge(kept, *there);
  }
  each_fact(kept, [](const char*, auto& fact) {
    if (fact.how == Learnt::by_name) fact = {};
  });
  const auto written = write_file_atomic(file, profile_json(kept), 0600);
  (void)written;  // what is not kept is learnt again
}

}  // namespace shipset::registry
