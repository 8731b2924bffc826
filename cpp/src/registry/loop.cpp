#include <curl/curl.h>
#include <signal.h>

#include <algorithm>

#include "loop_impl.hpp"
#include "url_impl.hpp"

namespace shipset::registry {

namespace {
constexpr int idle_wait_ms = 30'000;
constexpr int busy_wait_ms = 250;
constexpr long cached_connections = 64;
constexpr std::size_t spare_handles = 16;

bool curl_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

/// Signals belong to the program; a write to a closed socket must not raise SIGPIPE here either.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

std::string origin_of(const std::string& url) {
  const auto parsed = Url::parse(url);
  return parsed ? parsed->origin() : std::string();
}
}  // namespace

Loop::Loop(LoopOptions options) : options_(std::move(options)) {
  if (curl_ready()) multi_ = curl_multi_init();
  if (multi_ == nullptr) return;
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, cached_connections);
  thread_ = std::thread([this] { run(); });
}

Loop::~Loop() {
  if (multi_ == nullptr) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  curl_multi_wakeup(multi_);
  thread_.join();
  for (void* easy : spare_) curl_easy_cleanup(easy);
  curl_multi_cleanup(multi_);
}

ExchangeHandle Loop::start(HttpRequest request) {
  auto exchange = std::make_shared<Exchange>(std::move(request), *this);
  if (multi_ == nullptr)
    exchange->on_end({FailureKind::other, "the HTTP library could not be started"});
  else
    post(What::start, exchange);
  return ExchangeHandle(std::move(exchange));
}

LoopTraffic Loop::traffic() const {
  return {requests_.load(), sent_.load(), received_.load()};
}

void Loop::resume(std::shared_ptr<Exchange> exchange) {
  post(What::resume, std::move(exchange));
}
void Loop::abandon(std::shared_ptr<Exchange> exchange) {
  post(What::abandon, std::move(exchange));
}

void Loop::post(What what, std::shared_ptr<Exchange> exchange) {
  {
    std::lock_guard lock(mutex_);
    commands_.push_back({what, std::move(exchange)});
    if (commands_.size() > 1) return;  // the loop was woken for the first one and takes all
  }
  curl_multi_wakeup(multi_);
}

void Loop::run() {
  block_signals();
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
    take_commands();
    int still_running = 0;
    curl_multi_perform(multi_, &still_running);
    collect_finished();
    drop_stalled();
    curl_multi_poll(multi_, nullptr, 0, running_.empty() ? idle_wait_ms : busy_wait_ms, nullptr);
  }
  end_everything();
}

void Loop::take_commands() {
  std::vector<Command> commands;
  {
    std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (auto& [what, exchange] : commands) {
    if (what == What::start) {
      Lanes& lanes = lanes_of(*exchange);
      const Lane lane = exchange->request().lane;
      lanes.waiting[static_cast<std::size_t>(lane)].push_back(exchange);
      admit(lanes, lane);
    } else if (exchange->easy != nullptr && what == What::resume) {
      curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
    } else if (what == What::abandon) {
      if (exchange->easy != nullptr)
        end(exchange, {FailureKind::cancelled, "stopped on request"});
      else
        exchange->on_end({FailureKind::cancelled, "stopped on request"});
    }
  }
}

Loop::Lanes& Loop::lanes_of(const Exchange& exchange) {
  const auto [found, added] = hosts_.try_emplace(origin_of(exchange.request().url));
  if (added) std::fill_n(found->second.limit, lane_count, std::max<std::size_t>(1, options_.connections_per_host));
  return found->second;
}

/// Half as many at once when the registry is too busy, one more after a round of good answers.
void Loop::adapt(Lanes& lanes, const Exchange& exchange) {
  const auto i = static_cast<std::size_t>(exchange.request().lane);
  const int status = exchange.status();
  if (status == 429 || status == 503) {
    lanes.limit[i] = std::max<std::size_t>(1, std::min(lanes.limit[i], lanes.active[i] + 1) / 2);
    lanes.good[i] = 0;
  } else if (status >= 200 && status < 500 && lanes.limit[i] < options_.connections_per_host &&
             ++lanes.good[i] >= lanes.limit[i]) {
    ++lanes.limit[i];
    lanes.good[i] = 0;
  }
}

void Loop::admit(Lanes& lanes, Lane lane) {
  const auto i = static_cast<std::size_t>(lane);
  while (!lanes.waiting[i].empty() && lanes.active[i] < lanes.limit[i]) {
    auto exchange = std::move(lanes.waiting[i].front());
    lanes.waiting[i].pop_front();
    if (exchange->abandoned()) continue;
    ++lanes.active[i];
    launch(exchange);
  }
}

void Loop::launch(const std::shared_ptr<Exchange>& exchange) {
  void* easy = nullptr;
  if (spare_.empty()) {
    easy = curl_easy_init();
  } else {
    easy = spare_.back();
    spare_.pop_back();
  }
  exchange->easy = easy;
  running_[easy] = exchange;
  exchange->on_start(Exchange::Clock::now());
  if (easy == nullptr || !configure(easy, *exchange, options_) || curl_multi_add_handle(multi_, easy) != CURLM_OK)
    end(exchange, {FailureKind::other, "the request could not be prepared"});
}

void Loop::collect_finished() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const auto found = running_.find(message->easy_handle);
    if (found == running_.end()) continue;
    const auto exchange = found->second;
    end(exchange, classify(message->easy_handle, message->data.result, *exchange));
  }
}

void Loop::drop_stalled() {
  if (running_.empty()) return;
  const auto now = Exchange::Clock::now();
  std::vector<std::shared_ptr<Exchange>> stalled;
  for (const auto& [easy, exchange] : running_)
    if (exchange->stalled(now, options_.stall_timeout)) stalled.push_back(exchange);
  for (const auto& exchange : stalled) end(exchange, *exchange->own_reason());
}

void Loop::end(const std::shared_ptr<Exchange>& exchange, Failure failure) {
  void* easy = exchange->easy;
  if (easy != nullptr) {
    curl_off_t sent = 0, received = 0;
    long request_bytes = 0, header_bytes = 0;
    curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &header_bytes);
    if (request_bytes > 0) ++requests_;
    sent_ += static_cast<std::uint64_t>(sent) + static_cast<std::uint64_t>(request_bytes);
    received_ += static_cast<std::uint64_t>(received) + static_cast<std::uint64_t>(header_bytes);
    curl_multi_remove_handle(multi_, easy);
    release(easy);
  }
  running_.erase(easy);
  curl_slist_free_all(static_cast<curl_slist*>(exchange->header_list));
  exchange->easy = nullptr;
  exchange->header_list = nullptr;
  const Lane lane = exchange->request().lane;
  Lanes& lanes = lanes_of(*exchange);
  --lanes.active[static_cast<std::size_t>(lane)];
  adapt(lanes, *exchange);
  exchange->on_end(std::move(failure));
  admit(lanes, lane);
}

void Loop::release(void* easy) {
  if (spare_.size() >= spare_handles) {
    curl_easy_cleanup(easy);
    return;
  }
  curl_easy_reset(easy);
  spare_.push_back(easy);
}

void Loop::end_everything() {
  const Failure gone{FailureKind::cancelled, "the client was closed"};
  for (auto& [origin, lanes] : hosts_)
    for (auto& waiting : lanes.waiting) {
      for (const auto& exchange : waiting) exchange->on_end(gone);
      waiting.clear();
    }
  while (!running_.empty()) {
    const auto exchange = running_.begin()->second;
    end(exchange, gone);
  }
  std::lock_guard lock(mutex_);
  for (const auto& command : commands_) command.exchange->on_end(gone);
  commands_.clear();
}

}  // namespace shipset::registry
