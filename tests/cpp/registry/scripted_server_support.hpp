// A small HTTP server for tests: every request is answered by a function, which may also break the rules.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace shipset::registry::testing {

struct Request {
  std::string method, target;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body{};
  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

/// What the server does. `raw` is sent as it is in place of an answer.
struct Reply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::string raw{};
  std::size_t cut_after = std::string::npos;  ///< bytes of the body after which the connection is closed
  int delay_ms = 0;                           ///< before the answer
  bool hang = false;                          ///< never answers
  bool close = false;                         ///< closes the connection in place of an answer
  static Reply error(int status, const std::string& code, const std::string& message = "no") {
    return {status,
            {{"Content-Type", "application/json"}},
            R"({"errors":[{"code":")" + code + R"(","message":")" + message + R"("}]})",
            {},
            std::string::npos,
            0,
            false};
  }
};

class ScriptedServer {
 public:
  using Handler = std::function<Reply(const Request&)>;
  explicit ScriptedServer(Handler handler);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<Request> requests() const;
  /// "METHOD target" of every request so far.
  [[nodiscard]] std::vector<std::string> log() const;
  [[nodiscard]] int connections() const { return connections_; }
  /// Reads request bodies only up to this size, then answers (registries that refuse early).
  std::atomic<std::size_t> body_limit = std::string::npos;

 private:
  void serve();
  void talk(int connection);
  bool answer(int connection, const Request& request);

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// A port that was free a moment ago.
int free_port();

}  // namespace shipset::registry::testing
