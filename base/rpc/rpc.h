#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <drover/result.h>

/// Remote calls over gRPC, without gRPC's types: messages are their serialised bytes, methods their full names
/// ("/package.Service/Method"). client.h and server.h make calls, duplex.h makes streams of messages of them.
namespace drover::rpc {

inline constexpr std::size_t send_queue_max = 4096;       ///< messages waiting to be written, a call
inline constexpr std::size_t receive_queue_max = 64;      ///< messages read ahead of the consumer, a call

/// gRPC's status codes that we tell apart.
enum class StatusCode : int {
  ok = 0, cancelled = 1, unknown = 2, invalid_argument = 3, deadline_exceeded = 4, not_found = 5, already_exists = 6,
  permission_denied = 7, resource_exhausted = 8, failed_precondition = 9, aborted = 10, out_of_range = 11,
  unimplemented = 12, internal = 13, unavailable = 14, data_loss = 15, unauthenticated = 16,
};

/// How a call ended.
struct Status {
  StatusCode code = StatusCode::ok;
  std::string message;
  std::string details;  ///< the bytes of google.rpc.Status, where the peer sent one

  bool ok() const { return code == StatusCode::ok; }
  friend bool operator==(const Status&, const Status&) = default;
};

/// The one mapping between gRPC's codes and ours.
Code code_of(StatusCode code);
StatusCode status_code_of(Code code);
Error error_of(const Status& status);
Status status_of(const Error& error);

/// TLS with certificates on both ends. All texts are PEM.
struct Tls {
  std::string trusted_roots;  ///< who may have signed the peer's certificate
  std::string certificate;    ///< ours
  std::string key;
  std::string peer_name;      ///< a client expects this name instead of the target's; empty = the target's
};

/// What happens to a call, told on threads of gRPC, one at a time a call; must not block.
struct CallEvents {
  std::function<void(std::string message)> received;  ///< the answer to one read()
  std::function<void()> no_more;                      ///< server side: the client has sent its last message
  std::function<void()> sent;                         ///< a message has left the queue of send()
  std::function<void(Status)> ended;                  ///< last: client side, how it ended; server side, cancelled or ok
};

/// One call of any kind, either end, seen as a two-way stream. Thread-safe; nothing blocks.
class Call {
 public:
  virtual ~Call() = default;

  /// Asks for one message; at most one read() is outstanding.
  virtual void read() = 0;
  /// Queues a message; `exhausted` when send_queue_max are waiting, `unavailable` when the call has ended.
  virtual Result<void> send(std::string message) = 0;
  /// Messages that wait to be written.
  virtual std::size_t queued() const = 0;
  /// After what is queued: the client's last message was sent; the server's status. Later sends are refused.
  virtual void close(Status status = {}) = 0;
  /// Ends the call at once; what is queued is dropped.
  virtual void cancel() = 0;
};

}  // namespace drover::rpc
