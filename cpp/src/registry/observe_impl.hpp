// What an answer tells beside what was asked: the profile of its registry, and warnings meant for people. Thread-safe.
#pragma once

#include <set>

#include "http_impl.hpp"
#include "profile_impl.hpp"

namespace shipset::registry {

/// A request to a registry as far as its answer can be judged by it.
struct Asked {
  std::string_view method;
  std::string_view url;   ///< "/v2/…", or an upload location
  std::string_view body;  ///< of a manifest
};
/// Learns what the answer shows.
void learn_from(Profiles& profiles, const std::string& host, const Asked& asked, const HttpResponse& response);

/// The text of a `Warning: 299 - "text"` field; empty when the field is anything else. specs §3.8.
std::string parse_warning(std::string_view field);

/// Shows each text once. It is never acted on.
class Warnings {
 public:
  explicit Warnings(EventSink events) : events_(std::move(events)) {}
  void show(const std::string& host, const HttpResponse& response);

 private:
  const EventSink events_;
  std::mutex mutex_;
  std::set<std::string> shown_;
};

}  // namespace shipset::registry
