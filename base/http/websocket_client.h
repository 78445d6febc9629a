#pragma once

#include <drover/result.h>

#include <memory>
#include <string>

#include "base/http/client.h"
#include "base/loop/loop.h"

namespace drover::http {

/// The client's end of a websocket (RFC 6455) that carries text messages. On its loop; one receive and one send at a time.
class WebSocketClient {
 public:
  static constexpr std::size_t message_bytes_max = 4 << 20;  ///< of a message that comes; a larger one ends the connection

  /// Connects to the address of `options` ("http://…", "https://…", "unix://…") and asks for a websocket there. A refusal
  /// is an error with the status and the words of the server.
  static Async<Result<std::unique_ptr<WebSocketClient>>> connect(Loop& loop, ClientOptions options, std::string path, Query query);
  virtual ~WebSocketClient() = default;

  /// The next message. Code::cancelled when the peer closed in order or this end was closed; another code with the
  /// reason that the peer gave when it closed for a failure, or when the connection broke.
  virtual Async<Result<std::string>> receive() = 0;
  virtual Async<Result<void>> send(std::string message) = 0;
  /// Ends what waits in receive and send, at once.
  virtual void close() = 0;
};

}  // namespace drover::http
