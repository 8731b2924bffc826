// One request in flight, shared by the thread that asked for it and the loop thread that carries it out.
// Bodies pass through a ring of bounded size: a full ring pauses the transfer, an empty one the upload, so memory does
// not grow with the body. The caller may walk away at any time (destructor of ExchangeHandle); the loop cleans up.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "http_impl.hpp"
#include "stop_impl.hpp"

namespace shipset::registry {

class Loop;

/// Bytes in a fixed piece of memory, first in, first out.
class ByteRing {
 public:
  void reserve(std::size_t capacity) { store_.resize(capacity); }
  [[nodiscard]] std::size_t capacity() const noexcept { return store_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t space() const noexcept { return store_.size() - size_; }
  std::size_t push(std::span<const std::byte> bytes);
  std::size_t pop(std::span<std::byte> out);

 private:
  std::vector<std::byte> store_;
  std::size_t start_ = 0, size_ = 0;
};

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t ring_bytes = 512u << 10;
  static constexpr std::size_t header_limit = 64u << 10;

  Exchange(HttpRequest request, Loop& loop);

  // For the calling thread.
  /// Hands over a piece of the body. False: the exchange ended (or was refused) meanwhile; look at finish().
  bool feed(std::span<const std::byte> piece, const Stop& stop);
  /// Waits for status and headers (or a failure).
  Outcome wait_headers(const Stop& stop);
  /// Reads a streamed answer; 0 at its end or on a failure, which is then in `failure`.
  std::size_t read(std::span<std::byte> out, const Stop& stop, Failure& failure);
  /// Waits for the end.
  Outcome finish(const Stop& stop);
  /// Bytes of the body that the connection has taken so far. They need not have arrived.
  [[nodiscard]] std::uint64_t sent() const;
  /// The caller is not interested any more.
  void abandon();

  // For the loop thread.
  [[nodiscard]] const HttpRequest& request() const noexcept { return request_; }
  void on_start(Clock::time_point now);
  void on_end(Failure failure);
  bool on_header_line(std::string_view line);
  enum class Take : std::uint8_t { taken, pause, abort };
  Take on_body(std::span<const std::byte> bytes);
  enum class Give : std::uint8_t { given, pause, abort };
  Give on_need(std::span<std::byte> out, std::size_t& given);
  bool on_rewind();
  /// Counts of body bytes so far; false when the transfer should be given up.
  bool on_progress(std::uint64_t received, std::uint64_t sent);
  [[nodiscard]] bool stalled(Clock::time_point now, std::chrono::milliseconds limit);
  [[nodiscard]] bool abandoned() const;
  [[nodiscard]] int status() const;  ///< of the answer so far; 0: none
  /// The reason for an abort that was ours, if there was one; `none` with cut answers, which count as complete.
  [[nodiscard]] std::optional<Failure> own_reason() const;
  void refuse(Failure reason);

  void* easy = nullptr;         ///< CURL*, loop thread only
  void* header_list = nullptr;  ///< curl_slist*, loop thread only
  char error_text[256] = {};    ///< loop thread only

 private:
  bool wait(std::unique_lock<std::mutex>& lock, const Stop& stop, const std::function<bool()>& ready);
  void resume(std::unique_lock<std::mutex>& lock);
  Outcome outcome_locked() const;

  const HttpRequest request_;
  Loop& loop_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  ByteRing ring_;
  HttpResponse response_;
  Failure failure_;
  std::optional<Failure> own_reason_;
  std::size_t header_bytes_ = 0;
  std::uint64_t fed_ = 0, consumed_ = 0, dropped_ = 0, received_ = 0, sent_ = 0;
  Clock::time_point active_at_{};
  bool headers_done_ = false, done_ = false, paused_ = false, abandoned_ = false;
};

/// Owns the caller's interest in an exchange.
class ExchangeHandle {
 public:
  explicit ExchangeHandle(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ExchangeHandle(ExchangeHandle&&) noexcept = default;
  ExchangeHandle& operator=(ExchangeHandle&&) = delete;
  ~ExchangeHandle() {
    if (exchange_) exchange_->abandon();
  }
  Exchange* operator->() const noexcept { return exchange_.get(); }
  [[nodiscard]] Exchange* get() const noexcept { return exchange_.get(); }
  /// Hands the interest on; whoever takes it makes a handle of it again.
  [[nodiscard]] std::shared_ptr<Exchange> release() noexcept { return std::move(exchange_); }

 private:
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace shipset::registry
