#include "base/http/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>

#include "base/loop/start.h"

namespace drover::http {
namespace {

Async<void> stop_and_end(Server* server, RealLoop* loop) {
  co_await server->stop();
  loop->stop();
}

}  // namespace

TestServer::TestServer(Handler handler, ServerOptions options) : server_(loop_, std::move(handler), std::move(options)) {
  server_.start().value();
  thread_ = std::thread([this] { loop_.run(); });
}

TestServer::~TestServer() { stop(); }

void TestServer::stop() {
  if (!thread_.joinable()) return;
  start(loop_, stop_and_end(&server_, &loop_));
  thread_.join();
}

RawClient::RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval patience{10, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) close();
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string RawClient::read_until(std::string_view end) {
  std::string out;
  std::array<char, 65536> piece;
  while (end.empty() || out.find(end) == std::string::npos) {
    const ssize_t got = ::recv(fd_, piece.data(), end.empty() ? piece.size() : 1, 0);
    if (got <= 0) break;
    out.append(piece.data(), static_cast<std::size_t>(got));
  }
  return out;
}

void RawClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace drover::http
