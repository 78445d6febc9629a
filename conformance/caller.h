#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/rpc/client.h"

/// Blocking calls of a driver: a judge has time, and tells one story after the other.
namespace drover::conformance {

using Duration = std::chrono::nanoseconds;

inline constexpr Duration call_max = std::chrono::seconds(20);  ///< longer is a hang

/// One step of a call, told as it happens, on any thread.
struct Step {
  enum class Kind : std::uint8_t { sent, received, ended } kind;
  int call = 0;  ///< numbers calls
  std::string method;
  std::string bytes;    ///< of the message sent or received
  rpc::Status status;   ///< how it ended
};
using Watch = std::function<void(const Step&)>;

/// A call in flight, unary or a stream. The destructor cancels it.
class Stream {
 public:
  Stream(rpc::Channel& channel, const std::string& method, Duration deadline, Watch watch = {});
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  bool send(std::string message);
  void close_sending();
  void cancel();
  /// The next message; nothing when time has passed or the call has ended.
  std::optional<std::string> next(Duration limit);
  std::optional<rpc::Status> ended(Duration limit);

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::shared_ptr<rpc::Call> call_;
};

/// One request, one reply.
rpc::Reply call(rpc::Channel& channel, const std::string& method, const std::string& request, Duration deadline, Watch watch = {});

}  // namespace drover::conformance
