#include "base/http/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>

#include "base/http/connection.h"
#include "base/http/socket.h"
#include "base/http/tls.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"

namespace drover::http {
namespace {

constexpr Duration pause_without_descriptors = 100ms;

constexpr std::string_view too_many =
    "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    "Content-Length: 37\r\n\r\ntoo many connections from this address";

}  // namespace

struct Server::Impl {
  Impl(Loop& loop, Handler handler, ServerOptions options)
      : shared{loop, std::move(handler), std::move(options)}, closed(loop), scope(loop) {}

  ServerShared shared;
  std::shared_ptr<const TlsContext> tls;  // of the TCP address; null: plain
  Listening tcp;
  Listening unix_socket;
  std::vector<std::unique_ptr<Socket>> listeners;
  std::set<std::shared_ptr<Connection>> connections;
  std::map<std::string, std::size_t> per_address;
  Signal closed;
  Scope scope;  // last

  Async<void> accept_on(Socket* listener, int fd);
  Async<void> accept_all(int fd);
  void admit(int fd, std::string peer_ip, std::string peer);
  Async<void> serve(std::shared_ptr<Connection> connection);
  Async<void> sweep();
  Async<void> stop();
  void begin(const Listening& listening);
};

void Server::Impl::begin(const Listening& listening) {
  listeners.push_back(std::make_unique<Socket>(shared.loop.executor(), listening.fd));
  scope.spawn(accept_on(listeners.back().get(), listening.fd));
}

Async<void> Server::Impl::accept_on(Socket* listener, int fd) {
  while (!shared.stopping) {
    const bool ready = co_await listener->wait_readable();
    if (!ready) co_return;
    co_await accept_all(fd);
  }
}

Async<void> Server::Impl::accept_all(int fd) {
  while (!shared.stopping) {
    std::string peer_ip;
    std::string peer;
    const int connection = accept_connection(fd, peer_ip, peer);
    if (connection >= 0) {
      admit(connection, std::move(peer_ip), std::move(peer));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // The client stays in the backlog until a descriptor is free.
      const bool slept = co_await shared.loop.sleep(pause_without_descriptors);
      if (!slept) co_return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      co_return;
    }
  }
}

void Server::Impl::admit(int fd, std::string peer_ip, std::string peer) {
  const ServerOptions& options = shared.options;
  std::size_t& here = per_address[peer_ip];
  const bool crowded = !peer_ip.empty() && options.connections_per_address_max != 0 && here >= options.connections_per_address_max;
  if (crowded || connections.size() >= options.connections_max) {
    ::send(fd, too_many.data(), too_many.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    ::close(fd);
    return;
  }
  ++here;
  std::unique_ptr<TlsSession> session;
  if (tls && !peer_ip.empty()) session = std::make_unique<TlsSession>(*tls);
  auto connection = std::make_shared<Connection>(shared, fd, std::move(peer_ip), std::move(peer), std::move(session));
  connections.insert(connection);
  connection->cancelled_by(scope.spawn_cancellable(serve(connection)));
}

Async<void> Server::Impl::serve(std::shared_ptr<Connection> connection) {
  co_await connection->run();
  const auto counted = per_address.find(connection->peer_ip());
  if (--counted->second == 0) per_address.erase(counted);
  connections.erase(connection);
  closed.notify();
}

Async<void> Server::Impl::sweep() {
  for (;;) {
    const bool slept = co_await shared.loop.sleep(shared.options.sweep_interval);
    if (!slept) co_return;
    const Duration now = shared.loop.uptime();
    const auto open = connections;  // a connection that ends leaves the set
    for (const std::shared_ptr<Connection>& connection : open) connection->sweep(now);
  }
}

Async<void> Server::Impl::stop() {
  shared.stopping = true;
  for (const std::unique_ptr<Socket>& listener : listeners) listener->close();
  const auto open = connections;
  for (const std::shared_ptr<Connection>& connection : open) connection->finish_soon();

  const Duration begun = shared.loop.uptime();
  for (;;) {
    const Duration left = shared.options.stop_limit - (shared.loop.uptime() - begun);
    if (connections.empty() || left <= 0s) break;
    const bool woken = co_await closed.wait_for(left);
    if (!woken) break;
  }
  const auto left_over = connections;
  for (const std::shared_ptr<Connection>& connection : left_over) connection->cut();
  co_await scope.stop();
  if (unix_socket.fd >= 0) ::unlink(unix_socket.address.c_str());
}

Server::Server(Loop& loop, Handler handler, ServerOptions options)
    : impl_(std::make_unique<Impl>(loop, std::move(handler), std::move(options))) {}

Server::~Server() = default;

Result<void> Server::start() {
  const ServerOptions& options = impl_->shared.options;
  if (!options.tls.certificate.empty()) {
    DROVER_LET(impl_->tls, TlsContext::load(options.tls));
  }
  if (options.tcp) {
    DROVER_LET(impl_->tcp, listen_tcp(options.address, options.port));
  }
  if (!options.unix_socket.empty()) {
    auto bound = listen_unix(options.unix_socket);
    if (!bound) {
      if (impl_->tcp.fd >= 0) ::close(impl_->tcp.fd);
      return std::move(bound).error();
    }
    impl_->unix_socket = *bound;
  }
  impl_->shared.loop.post([impl = impl_.get()] {
    if (impl->tcp.fd >= 0) impl->begin(impl->tcp);
    if (impl->unix_socket.fd >= 0) impl->begin(impl->unix_socket);
    impl->scope.spawn(impl->sweep());
  });
  return {};
}

std::string Server::address() const { return impl_->tcp.address; }
std::uint16_t Server::port() const { return impl_->tcp.port; }
std::size_t Server::connections() const { return impl_->connections.size(); }
Async<void> Server::stop() { co_await impl_->stop(); }

}  // namespace drover::http
