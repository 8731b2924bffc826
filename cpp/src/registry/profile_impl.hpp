// The profiles of one client: looked up and learnt by any thread, read from disk when a host is first used, written
// back when the client ends and something changed. Thread-safe.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>

#include "shipset/base/event.hpp"
#include "shipset/base/result.hpp"
#include "shipset/registry/profile.hpp"

namespace shipset {
class JsonWriter;
}

namespace shipset::registry {

inline constexpr std::int64_t fact_life_s = 30 * 86400;

/// The properties that have a value: `{"name": {"value": …, "learnt_at": "…", "learnt_by": "…"}}`.
void write_facts(JsonWriter& out, const Profile& profile);
/// The file of a profile.
std::string profile_json(const Profile& profile);
/// Reads such a file. Facts that are out of date or not understood are left out. Errors: io (another schema, another
/// host, not JSON).
Result<Profile> parse_profile(std::string_view json, const std::string& host, std::int64_t now_unix_s);
/// Of each property the one learnt last.
void merge(Profile& into, const Profile& other);
/// What is known of public services by their name.
Profile profile_by_name(const std::string& host);

class Profiles {
 public:
  /// `state_directory` empty: nothing is kept on disk.
  Profiles(std::string state_directory, EventSink notes)
      : state_directory_(std::move(state_directory)), notes_(std::move(notes)) {}
  ~Profiles() { save(); }
  Profiles(const Profiles&) = delete;
  Profiles& operator=(const Profiles&) = delete;

  /// While one lives, what is learnt was asked for on purpose.
  class Probing {
   public:
    explicit Probing(Profiles& profiles) : profiles_(profiles) { ++profiles_.probing_; }
    ~Probing() { --profiles_.probing_; }
    Probing(const Probing&) = delete;
    Probing& operator=(const Probing&) = delete;

   private:
    Profiles& profiles_;
  };

  template <class T>
  std::optional<T> known(const std::string& host, Fact<T> Profile::*fact) {
    std::lock_guard lock(mutex_);
    return (entry(host).profile.*fact).value;
  }
  /// The same, but only what this process saw itself: for what an administrator may change any day.
  template <class T>
  std::optional<T> seen(const std::string& host, Fact<T> Profile::*fact) {
    std::lock_guard lock(mutex_);
    const Fact<T>& found = entry(host).profile.*fact;
    return found.at_unix_s >= began_ && found.how >= Learnt::by_request ? found.value : std::nullopt;
  }
  template <class T>
  void learn(const std::string& host, Fact<T> Profile::*fact, T value) {
    std::lock_guard lock(mutex_);
    const Learnt how = probing_ > 0 ? Learnt::by_probe : Learnt::by_request;
    Entry& at = entry(host);
    Fact<T>& old = at.profile.*fact;
    const std::int64_t now = clock();
    // The date alone is worth writing once a day.
    at.changed = at.changed || old.value != value || now - old.at_unix_s > 86400;
    old = {std::move(value), now, how};
  }
  /// Numbers that change with every request are not worth a write of their own.
  void count(const std::string& host, Fact<std::uint64_t> Profile::*fact, std::uint64_t value);
  [[nodiscard]] Profile of(const std::string& host);
  /// True for the first who asks in this process: a check that one caller makes for all.
  bool claim_mount_check(const std::string& host);
  /// Writes what changed; what cannot be written is forgotten. Called by the destructor.
  void save();

 private:
  struct Entry {
    Profile profile;
    bool changed = false;
    bool mount_check_claimed = false;
  };
  static std::int64_t clock();
  Entry& entry(const std::string& host);
  void save_one(const std::filesystem::path& folder, const Profile& profile) const;

  const std::string state_directory_;
  const EventSink notes_;
  const std::int64_t began_ = clock();
  std::atomic<int> probing_{0};
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace shipset::registry
