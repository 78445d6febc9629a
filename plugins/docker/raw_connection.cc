#include "plugins/docker/raw_connection.h"

#include <curl/curl.h>
#include <poll.h>
#include <sys/socket.h>

#include <charconv>

#include "plugins/docker/engine.h"

namespace drover::docker {
namespace {

constexpr int answer_max_ms = 15'000;
constexpr std::size_t head_max = 64U << 10;
constexpr std::size_t piece = 64U << 10;

Result<void> wait_for(int descriptor, short events) {
  pollfd poller{descriptor, events, 0};
  if (::poll(&poller, 1, answer_max_ms) > 0) return {};
  return fail(Code::timeout, "the docker engine gave no answer in {} s", answer_max_ms / 1000);
}

int status_of(std::string_view head) {
  int status = 0;
  const std::size_t blank = head.find(' ');
  if (blank != std::string_view::npos) std::from_chars(head.data() + blank + 1, head.data() + head.size(), status);
  return status;
}

}  // namespace

Result<void> RawConnection::open(const Endpoint& endpoint, const Request& request) {
  is_tls_ = endpoint.is_tls();
  handle_.prepare_connection(endpoint);
  DROVER_TRY(handle_.outcome(curl_easy_perform(handle_.get()), endpoint));
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(handle_.get(), CURLINFO_ACTIVESOCKET, &socket);
  descriptor_ = static_cast<int>(socket);

  DROVER_TRY(send_all(request.method + " " + request.target + " HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: " +
                      std::to_string(request.body.size()) + "\r\n\r\n" + request.body));
  DROVER_LET(const std::string head, read_head());
  const int status = status_of(head);
  if (status == 101 || status == 200) return {};
  return error_of(Response{status, first_}, "run a command in the container");
}

Result<void> RawConnection::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    DROVER_LET(const std::size_t sent, send(bytes));
    bytes.remove_prefix(sent);
    if (sent == 0) DROVER_TRY(wait_for(descriptor_, POLLOUT));
  }
  return {};
}

Result<std::string> RawConnection::read_head() {
  std::string gathered;
  for (;;) {
    const std::size_t end = gathered.find("\r\n\r\n");
    if (end != std::string::npos) {
      first_ = gathered.substr(end + 4);
      return gathered.substr(0, end);
    }
    if (gathered.size() > head_max) return fail(Code::unavailable, "the head of the engine's answer is longer than {} bytes", head_max);
    DROVER_LET(const std::string more, receive());
    gathered += more;
    if (more.empty()) DROVER_TRY(wait_for(descriptor_, POLLIN));
  }
}

Result<std::size_t> RawConnection::send(std::string_view bytes) {
  std::size_t sent = 0;
  const CURLcode code = curl_easy_send(handle_.get(), bytes.data(), bytes.size(), &sent);
  if (code == CURLE_OK) return sent;
  if (code == CURLE_AGAIN) return std::size_t{0};
  return fail(Code::unavailable, "write to the command: {}", curl_easy_strerror(code));
}

Result<std::string> RawConnection::receive() {
  if (!first_.empty()) return std::exchange(first_, std::string());
  std::string bytes(piece, '\0');
  std::size_t got = 0;
  const CURLcode code = curl_easy_recv(handle_.get(), bytes.data(), bytes.size(), &got);
  if (code == CURLE_AGAIN) return std::string();
  if (code != CURLE_OK) return fail(Code::unavailable, "read from the command: {}", curl_easy_strerror(code));
  if (got == 0) return fail(Code::not_found, "the stream has ended");
  bytes.resize(got);
  return bytes;
}

void RawConnection::close_sending() {
  if (!is_tls_) ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace drover::docker
