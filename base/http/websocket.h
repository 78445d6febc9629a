#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <drover/result.h>

#include "base/http/types.h"
#include "base/loop/loop.h"
#include "base/loop/signal.h"

/// Websockets (RFC 6455) as the server speaks them: the handshake, frames, and one end of a conversation.
namespace drover::http {

/// What Sec-WebSocket-Accept answers to a key.
std::string websocket_accept(std::string_view key);
/// Whether a key is one: 16 bytes in base64.
bool is_websocket_key(std::string_view key);

enum class Opcode : std::uint8_t { more = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// A whole frame of the server: never masked, never split.
std::string websocket_frame(Opcode opcode, std::string_view payload);
/// The payload of a close frame; the reason is cut to what fits into one, between characters.
std::string websocket_close_payload(int code, std::string_view reason);

/// A frame of a client, unmasked.
struct Frame {
  Opcode opcode = Opcode::text;
  bool last = true;
  std::string payload;
};
/// Takes the first frame off `bytes`. Nothing: it is not whole yet. `invalid`: what came is no frame of a client;
/// `exhausted`: it is longer than `payload_max`.
Result<std::optional<Frame>> take_frame(std::string& bytes, std::size_t payload_max);

/// The conversation over a connection that has been upgraded. On the connection's loop.
class ServerWebSocket final : public WebSocket {
 public:
  struct Wire {
    Loop& loop;
    std::string& received;                              ///< what has come and is not used yet
    std::function<Async<bool>()> fill;                  ///< more of it; false: there is no more
    std::function<Async<bool>(std::string_view)> send;  ///< one at a time; false: the other side has gone
  };
  explicit ServerWebSocket(Wire wire) : wire_(std::move(wire)), written_(wire_.loop) {}

  Async<Result<std::string>> receive() override;
  Async<bool> send(std::string message) override;
  void close(int code, std::string reason) override;

  /// Tells the other side how it ended: what close() said, else what came in, else 1000.
  Async<void> finish();

 private:
  Async<Result<Frame>> next_frame();
  /// False: it was the last.
  Async<bool> control(Frame frame);
  Async<bool> write(std::string frame);

  Wire wire_;
  std::string message_;  // of several frames, so far
  bool in_message_ = false;
  bool writing_ = false;
  bool broken_ = false;
  int close_code_ = 0;
  std::string close_reason_;
  Signal written_;
};

}  // namespace drover::http
