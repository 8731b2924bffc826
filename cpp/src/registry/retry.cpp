#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <random>
#include <thread>

#include "retry_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
using std::chrono::milliseconds;
/// Of servers before the registry that could not reach it: nginx and the big content networks have numbers of their
/// own.
constexpr int from_proxies[] = {499, 520, 521, 522, 523, 524};
constexpr milliseconds first_delay{200};
constexpr milliseconds longest_delay{10'000};

milliseconds jittered(unsigned round) {
  thread_local std::minstd_rand generator{std::random_device{}()};
  const auto top = std::min(longest_delay, first_delay * (1u << std::min(round, 10u)));
  std::uniform_int_distribution<milliseconds::rep> pick(top.count() / 2, top.count());
  return milliseconds(pick(generator));
}

Result<void> sleep(milliseconds total, const Stop& stop) {
  const auto end = std::chrono::steady_clock::now() + total;
  for (;;) {
    if (stop.requested()) return stop.error();
    const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return {};
    std::this_thread::sleep_for(std::min(left, milliseconds(50)));
  }
}
}  // namespace

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now_unix_s) {
  value = trim(value);
  if (value.empty()) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (end == value.data() + value.size() && error == std::errc::result_out_of_range)
    return std::chrono::hours(24 * 365);
  if (end == value.data() + value.size() && error == std::errc())
    return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, 86400 * 365));
  const std::time_t date = curl_getdate(std::string(value.substr(0, 64)).c_str(), nullptr);
  if (date == -1) return std::nullopt;
  return std::chrono::seconds(std::max<std::int64_t>(0, static_cast<std::int64_t>(date) - now_unix_s));
}

bool transient_status(int status) noexcept {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504 ||
         std::find(std::begin(from_proxies), std::end(from_proxies), status) != std::end(from_proxies);
}

Result<void> Retry::pause(const Stop& stop) {
  return sleep(jittered(0), stop);
}

Result<bool> Retry::again(const Outcome& outcome, const Stop& stop) {
  if (outcome.failure ? !outcome.failure.transient() : !transient_status(outcome.response.status)) return false;
  return once_more(outcome, stop);
}

Result<bool> Retry::once_more(const Outcome& outcome, const Stop& stop) {
  if (left_ == 0) return false;
  milliseconds delay = jittered(done_);
  if (!outcome.failure) {
    const auto ordered = parse_retry_after(outcome.response.headers.get("retry-after"), std::time(nullptr));
    if (ordered && *ordered > longest_ordered) return false;
    if (ordered) delay = std::max<milliseconds>(delay, *ordered);
  }
  --left_;
  ++done_;
  SHIPSET_CHECK(sleep(delay, stop));
  return true;
}

}  // namespace shipset::registry
