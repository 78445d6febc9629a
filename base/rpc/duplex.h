#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/loop/duplex.h"
#include "base/loop/loop.h"
#include "base/rpc/rpc.h"

namespace drover::rpc {

using ByteDuplex = Duplex<std::string, std::string>;

/// A call as a Duplex on a loop. At most receive_queue_max messages are read ahead. Destroying it ends the call; the
/// loop must outlive the call.
///
///   auto stream = duplex_of(loop, [&](CallEvents events) { return channel.open(method, std::move(events)); });
std::unique_ptr<ByteDuplex> duplex_of(Loop& loop, std::function<std::shared_ptr<Call>(CallEvents)> open);

/// What it means that a client has sent its last message: of a stream both ways, the end; of a server's stream, nothing.
enum class HalfClose : unsigned char { ends_the_stream, means_nothing };

/// The server's end: made on a thread of gRPC when the call arrives; the duplex is handed over on the loop. Closing it
/// without a reason ends the call well, with one it fails (`unknown`).
CallEvents serve_duplex(Loop& loop, std::shared_ptr<Call> call, HalfClose half_close,
                        std::function<void(std::unique_ptr<ByteDuplex>)> accepted);

/// Typed messages over bytes. A message that cannot be parsed ends the stream.
template <class Out, class In>
class MessageDuplex final : public Duplex<Out, In> {
 public:
  explicit MessageDuplex(std::unique_ptr<ByteDuplex> bytes) : bytes_(std::move(bytes)) {}

  Result<void> send(Out message) override { return bytes_->send(message.SerializeAsString()); }

  Async<Result<In>> receive() override {
    Result<std::string> bytes = co_await bytes_->receive();
    if (!bytes) co_return Error(std::move(bytes).error());
    In message;
    if (message.ParseFromString(*bytes)) co_return message;
    bytes_->close("sent something that is no message of this stream");
    co_return fail(Code::unavailable, "the peer sent something that is no message of this stream");
  }

  void close(std::string reason) override { bytes_->close(std::move(reason)); }

 private:
  std::unique_ptr<ByteDuplex> bytes_;
};

}  // namespace drover::rpc
