#include "scripted_server_support.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "shipset/base/text.hpp"

namespace shipset::registry::testing {

namespace {
bool send_all(int connection, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// A listening socket on a port that the system chooses.
int listen_anywhere(int& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool ok = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 && ::listen(fd, 64) == 0 &&
                  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  if (!ok) throw std::runtime_error("no listening socket");
  port = ntohs(address.sin_port);
  return fd;
}

/// Head of a request out of the first bytes of a connection; false when they are not HTTP.
bool parse_head(const std::string& head, Request& out) {
  const auto lines = split(head, '\n');
  const auto first = split(std::string(trim(lines[0])), ' ');
  if (first.size() != 3) return false;
  out.method = first[0];
  out.target = first[1];
  for (std::size_t i = 1; i < lines.size(); ++i)
    if (const auto colon = lines[i].find(':'); colon != std::string::npos)
      out.headers[to_lower(lines[i].substr(0, colon))] = std::string(trim(lines[i].substr(colon + 1)));
  return true;
}
}  // namespace

int free_port() {
  int port = 0;
  const int fd = listen_anywhere(port);
  ::close(fd);
  return port;
}

ScriptedServer::ScriptedServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = listen_anywhere(port_);
  acceptor_ = std::thread([this] { serve(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& thread : threads_) thread.join();
  ::close(listener_);
}

std::vector<Request> ScriptedServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<std::string> ScriptedServer::log() const {
  std::vector<std::string> out;
  for (const auto& request : requests()) out.push_back(request.method + " " + request.target);
  return out;
}

void ScriptedServer::serve() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { talk(fd); });
  }
}

void ScriptedServer::talk(int connection) {
  std::string buffer;
  char piece[65536];
  bool go_on = true;
  const auto more = [&] {
    const auto n = ::recv(connection, piece, sizeof piece, 0);
    if (n > 0) buffer.append(piece, static_cast<std::size_t>(n));
    return n > 0;
  };
  while (go_on && !stopping_) {
    std::size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos && (go_on = more())) {
    }
    Request request;
    if (!go_on || !parse_head(buffer.substr(0, end), request)) break;
    buffer.erase(0, end + 4);
    const auto text = request.header("content-length");
    const std::size_t length = text.empty() ? 0 : std::stoul(text);
    while (buffer.size() < std::min(length, body_limit.load()) && (go_on = more())) {
    }
    if (!go_on) break;
    request.body = buffer.substr(0, length);
    buffer.erase(0, length);
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    go_on = answer(connection, request);
  }
  std::lock_guard lock(mutex_);
  std::erase(open_, connection);
  ::close(connection);
}

bool ScriptedServer::answer(int connection, const Request& request) {
  const Reply reply = handler_(request);
  for (int waited = 0; (waited < reply.delay_ms || reply.hang) && !stopping_; waited += 10)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (reply.hang || reply.close) return false;
  if (!reply.raw.empty()) {
    send_all(connection, reply.raw);
    return false;
  }
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Status\r\n";
  bool length_given = false;
  for (const auto& [name, value] : reply.headers) {
    head += name + ": " + value + "\r\n";
    length_given = length_given || to_lower(name) == "content-length";
  }
  if (!length_given) head += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  if (!send_all(connection, head + "\r\n")) return false;
  if (request.method == "HEAD") return true;
  const bool cut = reply.cut_after < reply.body.size();
  return send_all(connection, std::string_view(reply.body).substr(0, reply.cut_after)) && !cut;
}

}  // namespace shipset::registry::testing
