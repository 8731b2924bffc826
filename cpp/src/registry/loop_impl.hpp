// The loop thread: the only place where connections live. It takes exchanges, admits so many per host and lane, and
// drives them with curl_multi. Calls from other threads put a command into a queue and wake it. Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <thread>
#include <unordered_map>

#include "exchange_impl.hpp"

namespace shipset::registry {

struct LoopOptions {
  std::size_t connections_per_host = 8;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{60'000};
  std::string user_agent;
  std::string ca_path;     ///< file with the CA bundle; "" = what curl was built with
  std::string ca_text;     ///< PEM text in place of it (system bundle and the user's together)
  std::string ca_folders;  ///< folders with one file per certificate, beside either; "" = none
};

struct LoopTraffic {
  std::uint64_t requests = 0, bytes_sent = 0, bytes_received = 0;
};

class Loop {
 public:
  explicit Loop(LoopOptions options);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Queues a request. It runs until it ends or the handle dies.
  ExchangeHandle start(HttpRequest request);
  [[nodiscard]] LoopTraffic traffic() const;

  // For Exchange.
  void resume(std::shared_ptr<Exchange> exchange);
  void abandon(std::shared_ptr<Exchange> exchange);

 private:
  enum class What : std::uint8_t { start, resume, abandon };
  struct Command {
    What what;
    std::shared_ptr<Exchange> exchange;
  };
  struct Lanes {
    std::size_t active[lane_count] = {};
    std::size_t limit[lane_count] = {};  ///< at most connections_per_host; less where the registry asks for patience
    std::size_t good[lane_count] = {};   ///< answers since the limit changed
    std::deque<std::shared_ptr<Exchange>> waiting[lane_count];
  };

  void post(What what, std::shared_ptr<Exchange> exchange);
  void run();
  void take_commands();
  Lanes& lanes_of(const Exchange& exchange);
  void admit(Lanes& lanes, Lane lane);
  void adapt(Lanes& lanes, const Exchange& exchange);
  void launch(const std::shared_ptr<Exchange>& exchange);
  void collect_finished();
  void drop_stalled();
  void end(const std::shared_ptr<Exchange>& exchange, Failure failure);
  void release(void* easy);
  void end_everything();

  const LoopOptions options_;
  void* multi_ = nullptr;  // CURLM*
  std::mutex mutex_;
  std::vector<Command> commands_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> requests_{0}, sent_{0}, received_{0};
  // Only the loop thread touches these.
  std::unordered_map<void*, std::shared_ptr<Exchange>> running_;
  std::map<std::string, Lanes> hosts_;
  std::vector<void*> spare_;
  std::thread thread_;
};

/// Sets a curl handle up for the exchange. Loop thread only.
bool configure(void* easy, Exchange& exchange, const LoopOptions& options);
/// What a finished transfer means. Loop thread only.
Failure classify(void* easy, int code, Exchange& exchange);

}  // namespace shipset::registry
