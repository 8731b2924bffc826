// A registry that throws everything away, for measuring a client: sink_tool PORT.
// Loopback only, one thread for each connection, as little work as possible: what is slow then is the client.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

std::string header_of(const std::string& head, std::string_view name) {
  std::string lower = head;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto at = lower.find("\r\n" + std::string(name) + ":");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 3;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::string answer_to(const std::string& head) {
  const bool uploads = head.find("/blobs/uploads/") != std::string::npos;
  if (head.starts_with("POST ") && uploads)
    return "HTTP/1.1 202 Accepted\r\nLocation: /v2/app/blobs/uploads/1\r\nContent-Length: 0\r\n\r\n";
  if (head.starts_with("PUT ")) return "HTTP/1.1 201 Created\r\nLocation: /v2/app/blobs/x\r\nContent-Length: 0\r\n\r\n";
  if (head.starts_with("GET /v2/ ")) return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  return "HTTP/1.1 404 Not Found\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Type: application/json\r\n"
         "Content-Length: 0\r\n\r\n";
}

void talk(int connection) {
  std::vector<char> buffer(1u << 20);
  std::string pending;
  for (;;) {
    std::size_t end = 0;
    while ((end = pending.find("\r\n\r\n")) == std::string::npos) {
      const auto count = ::recv(connection, buffer.data(), buffer.size(), 0);
      if (count <= 0 || pending.size() > (1u << 22)) {
        ::close(connection);
        return;
      }
      pending.append(buffer.data(), static_cast<std::size_t>(count));
    }
    const std::string head = pending.substr(0, end + 2);
    pending.erase(0, end + 4);
    std::uint64_t left = std::strtoull(header_of(head, "content-length").c_str(), nullptr, 10);
    const auto here = std::min<std::uint64_t>(left, pending.size());
    pending.erase(0, here);
    left -= here;
    while (left > 0) {
      const auto count = ::recv(connection, buffer.data(), std::min<std::uint64_t>(left, buffer.size()), 0);
      if (count <= 0) {
        ::close(connection);
        return;
      }
      left -= static_cast<std::uint64_t>(count);
    }
    const std::string answer = answer_to(head);
    if (::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
  }
  ::close(connection);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: sink_tool PORT\n");
    return 2;
  }
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 128) != 0) {
    std::perror("sink_tool");
    return 1;
  }
  for (;;) {
    const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) std::thread(talk, connection).detach();
  }
}
