#include <algorithm>
#include <charconv>
#include <cstring>

#include "exchange_impl.hpp"
#include "loop_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr auto wait_slice = std::chrono::milliseconds(100);
constexpr std::size_t header_count_limit = 256;
constexpr std::uint64_t dropped_limit = 1u << 20;
/// A registry may copy a whole blob before it answers; this is the slowest that is worth waiting for.
constexpr std::uint64_t commit_bytes_per_ms = 10'000;
}  // namespace

std::size_t ByteRing::push(std::span<const std::byte> bytes) {
  const std::size_t count = std::min(bytes.size(), space());
  if (count == 0) return 0;
  const std::size_t end = (start_ + size_) % store_.size();
  const std::size_t first = std::min(count, store_.size() - end);
  std::memcpy(store_.data() + end, bytes.data(), first);
  if (count > first) std::memcpy(store_.data(), bytes.data() + first, count - first);
  size_ += count;
  return count;
}

std::size_t ByteRing::pop(std::span<std::byte> out) {
  const std::size_t count = std::min(out.size(), size_);
  if (count == 0) return 0;
  const std::size_t first = std::min(count, store_.size() - start_);
  std::memcpy(out.data(), store_.data() + start_, first);
  if (count > first) std::memcpy(out.data() + first, store_.data(), count - first);
  start_ = (start_ + count) % store_.size();
  size_ -= count;
  return count;
}

Exchange::Exchange(HttpRequest request, Loop& loop) : request_(std::move(request)), loop_(loop) {
  if (request_.stream_size)
    ring_.reserve(static_cast<std::size_t>(std::clamp<std::uint64_t>(*request_.stream_size, 1, ring_bytes)));
}

bool Exchange::wait(std::unique_lock<std::mutex>& lock, const Stop& stop, const std::function<bool()>& ready) {
  while (!ready()) {
    if (stop.requested()) return false;
    changed_.wait_for(lock, wait_slice);
  }
  return true;
}

void Exchange::resume(std::unique_lock<std::mutex>& lock) {
  if (!paused_) return;
  paused_ = false;
  active_at_ = Clock::now();
  lock.unlock();
  loop_.resume(shared_from_this());
  lock.lock();
}

bool Exchange::feed(std::span<const std::byte> piece, const Stop& stop) {
  std::unique_lock lock(mutex_);
  while (!piece.empty()) {
    if (!wait(lock, stop, [&] { return done_ || ring_.space() > 0; })) return false;
    if (done_) return false;
    const std::size_t count = ring_.push(piece);
    piece = piece.subspan(count);
    fed_ += count;
    resume(lock);
  }
  return !done_;
}

Outcome Exchange::outcome_locked() const {
  Outcome out;
  out.failure = failure_;
  out.response = response_;
  return out;
}

Outcome Exchange::wait_headers(const Stop& stop) {
  std::unique_lock lock(mutex_);
  if (!wait(lock, stop, [&] { return done_ || headers_done_; }))
    return {{FailureKind::cancelled, "stopped on request"}, {}, {}};
  Outcome out = outcome_locked();
  // A stream that has already broken is still good for the bytes that came; read() tells about the break after them.
  if (headers_done_ && request_.stream_answer && out.response.success()) out.failure = {};
  return out;
}

Outcome Exchange::finish(const Stop& stop) {
  std::unique_lock lock(mutex_);
  if (!wait(lock, stop, [&] { return done_; })) return {{FailureKind::cancelled, "stopped on request"}, {}, {}};
  return outcome_locked();
}

std::size_t Exchange::read(std::span<std::byte> out, const Stop& stop, Failure& failure) {
  std::unique_lock lock(mutex_);
  failure = {};
  if (out.empty()) return 0;
  if (!wait(lock, stop, [&] { return done_ || ring_.size() > 0; })) {
    failure = {FailureKind::cancelled, "stopped on request"};
    return 0;
  }
  const std::size_t count = ring_.pop(out);
  if (count == 0) failure = failure_;
  if (ring_.size() <= ring_.capacity() / 2) resume(lock);
  return count;
}

std::uint64_t Exchange::sent() const {
  std::lock_guard lock(mutex_);
  return consumed_;
}

void Exchange::abandon() {
  {
    std::lock_guard lock(mutex_);
    if (done_ || abandoned_) return;
    abandoned_ = true;
  }
  loop_.abandon(shared_from_this());
}

void Exchange::on_start(Clock::time_point now) {
  std::lock_guard lock(mutex_);
  active_at_ = now;
}

void Exchange::on_end(Failure failure) {
  std::lock_guard lock(mutex_);
  failure_ = std::move(failure);
  done_ = true;
  changed_.notify_all();
}

bool Exchange::on_header_line(std::string_view line) {
  std::lock_guard lock(mutex_);
  header_bytes_ += line.size();
  if (header_bytes_ > header_limit || response_.headers.size() > header_count_limit) {
    own_reason_ = Failure{FailureKind::too_large, "the header of the answer is too long"};
    return false;
  }
  line = trim(line);
  if (line.starts_with("HTTP/")) {
    response_ = {};
    response_.http2 = line.starts_with("HTTP/2");
    const auto space = line.find(' ');
    const auto code = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    std::from_chars(code.data(), code.data() + code.size(), response_.status);
  } else if (line.empty()) {
    if (response_.status >= 200) {
      headers_done_ = true;
      changed_.notify_all();
    }
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos && !headers_done_) {
    response_.headers.add(line.substr(0, colon), line.substr(colon + 1));
  }
  return true;
}

Exchange::Take Exchange::on_body(std::span<const std::byte> bytes) {
  std::lock_guard lock(mutex_);
  if (abandoned_) return Take::abort;
  if (request_.stream_answer && response_.success()) {
    if (ring_.capacity() == 0) ring_.reserve(ring_bytes);
    if (ring_.space() < bytes.size()) {
      paused_ = true;
      return Take::pause;
    }
    ring_.push(bytes);
    changed_.notify_all();
    return Take::taken;
  }
  const std::size_t room = request_.answer_limit - std::min(request_.answer_limit, response_.body.size());
  const std::size_t kept = std::min(room, bytes.size());
  response_.body.append(reinterpret_cast<const char*>(bytes.data()), kept);
  if (kept == bytes.size()) return Take::taken;
  if (response_.success()) {
    own_reason_ =
        Failure{FailureKind::too_large, "the answer is longer than the limit of " + human_bytes(request_.answer_limit)};
    return Take::abort;
  }
  dropped_ += bytes.size() - kept;
  if (dropped_ <= dropped_limit) return Take::taken;
  own_reason_ = Failure{};  // enough is known of this refusal; the rest of its body is not wanted
  return Take::abort;
}

Exchange::Give Exchange::on_need(std::span<std::byte> out, std::size_t& given) {
  std::lock_guard lock(mutex_);
  given = 0;
  if (abandoned_) return Give::abort;
  if (request_.body) {
    given = std::min(out.size(), request_.body->size() - static_cast<std::size_t>(consumed_));
    std::memcpy(out.data(), request_.body->data() + consumed_, given);
    consumed_ += given;
    return Give::given;
  }
  if (ring_.size() == 0) {
    if (consumed_ == request_.stream_size.value_or(0)) return Give::given;
    paused_ = true;
    return Give::pause;
  }
  given = ring_.pop(out);
  consumed_ += given;
  changed_.notify_all();
  return Give::given;
}

bool Exchange::on_rewind() {
  std::lock_guard lock(mutex_);
  if (!request_.body) return consumed_ == 0;
  consumed_ = 0;
  return true;
}

bool Exchange::on_progress(std::uint64_t received, std::uint64_t sent) {
  std::lock_guard lock(mutex_);
  if (received != received_ || sent != sent_) active_at_ = Clock::now();
  received_ = received;
  sent_ = sent;
  return !abandoned_;
}

bool Exchange::stalled(Clock::time_point now, std::chrono::milliseconds limit) {
  std::lock_guard lock(mutex_);
  if (paused_) {
    active_at_ = now;
    return false;
  }
  const auto size = request_.stream_size.value_or(0);
  if (size > 0 && consumed_ == size && !headers_done_) limit += std::chrono::milliseconds(size / commit_bytes_per_ms);
  if (now - active_at_ < limit) return false;
  own_reason_ =
      Failure{FailureKind::timeout, "no byte came or went for " + std::to_string(limit.count() / 1000) + " seconds"};
  return true;
}

bool Exchange::abandoned() const {
  std::lock_guard lock(mutex_);
  return abandoned_;
}

int Exchange::status() const {
  std::lock_guard lock(mutex_);
  return response_.status;
}

std::optional<Failure> Exchange::own_reason() const {
  std::lock_guard lock(mutex_);
  return own_reason_;
}

void Exchange::refuse(Failure reason) {
  std::lock_guard lock(mutex_);
  own_reason_ = std::move(reason);
}

}  // namespace shipset::registry
