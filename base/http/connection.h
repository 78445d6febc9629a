#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/http/server.h"
#include "base/http/socket.h"

namespace drover::http {

class RequestReader;
class TlsSession;

/// What all connections of a server share.
struct ServerShared {
  Loop& loop;
  Handler handler;
  ServerOptions options;
  bool stopping = false;
};

/// One accepted connection: reads requests, has them answered one after the other, writes the answers.
///
/// run() is its only coroutine. Limits are enforced by sweep(), which the server calls now and then; so a connection
/// needs no timer.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerShared& shared, int fd, std::string peer_ip, std::string peer, std::unique_ptr<TlsSession> tls);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Until the connection has ended.
  Async<void> run();
  /// How run() is cancelled; told before run() begins.
  void cancelled_by(std::function<void()> cancel) { cancel_ = std::move(cancel); }

  /// Enforces the limits, and begins to watch a client whose request takes long.
  void sweep(Duration now);
  /// The server is stopping: ends now if idle, soon if waiting, after the answer otherwise.
  void finish_soon();
  /// Ends now.
  void cut();

  const std::string& peer_ip() const { return peer_ip_; }

 private:
  friend class BodyWriter;
  enum class Phase { idle, header, body, handling, streaming, conversing, writing, draining };

  /// What the request's head says about its answer.
  struct Exchange {
    bool head_only = false;
    bool gzip = false;
    bool keep_alive = false;
    bool http_1_0 = false;
    std::string websocket_key;  ///< of a request that wants an upgrade
  };

  Async<bool> serve_one();
  Async<std::optional<Request>> read_request(Exchange& exchange);
  Async<bool> fill();
  Async<bool> hear();
  Async<Response> answer(Request request);
  Async<bool> write(Response response, Exchange exchange);
  Async<bool> write_whole(Response response, Exchange exchange);
  Async<bool> write_stream(Response response, Exchange exchange);
  Async<void> converse(Response response, Exchange exchange);
  Async<bool> send(std::string_view data);  ///< `data` outlives the call
  Async<void> refuse(int status, std::string text);
  Async<void> drain();

  void enter(Phase phase);
  bool overdue(Duration now) const;
  void watch();
  void client_has_gone();
  void look_after_conversation(Duration now);
  std::string head(const Response& response, const Exchange& exchange) const;

  ServerShared& shared_;
  Socket socket_;
  std::string peer_ip_;
  std::string peer_;
  std::function<void()> cancel_;
  std::string pending_;  // bytes read that belong to later requests

  Phase phase_ = Phase::idle;
  Duration since_{};      // when the phase began, or the last byte was taken while writing
  bool started_ = false;
  bool sending_ = false;
  bool watching_ = false;
  bool unread_ = false;   // more has come while a request is answered: readiness says nothing any more
  bool gone_ = false;
  bool late_ = false;
  bool listening_ = false;  // a conversation waits for the client
  bool pinged_ = false;
  Duration heard_{};        // when the client of a conversation said something, or was asked to
};

}  // namespace drover::http
