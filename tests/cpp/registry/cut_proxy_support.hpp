// A TCP proxy on loopback that counts what goes to the server and breaks connections when told to.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace shipset::registry::testing {

class CutProxy {
 public:
  /// `server`: "localhost:PORT".
  explicit CutProxy(const std::string& server);
  ~CutProxy();
  CutProxy(const CutProxy&) = delete;
  CutProxy& operator=(const CutProxy&) = delete;

  [[nodiscard]] std::string host() const { return "localhost:" + std::to_string(port_); }
  /// The connection that carries the byte which makes the sum reach this is closed on both sides; once, and then again
  /// every `cut_every` bytes (0 = never again).
  std::atomic<std::uint64_t> cut_at = ~std::uint64_t(0);
  std::atomic<std::uint64_t> cut_every = 0;
  [[nodiscard]] std::uint64_t to_server() const { return to_server_; }
  [[nodiscard]] int cuts() const { return cuts_; }

 private:
  void serve();
  void carry(int client);

  int listener_ = -1, port_ = 0, server_port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> to_server_{0};
  std::atomic<int> cuts_{0};
  std::mutex mutex_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace shipset::registry::testing
