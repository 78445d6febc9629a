#pragma once

#include <drover/result.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A driver judged from outside: its process, and what it writes.
namespace drover::conformance {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

/// How the process is started. Nothing of our environment reaches it but what stands here.
struct LaunchHow {
  std::string program;  ///< absolute path
  std::vector<std::string> args;
  std::map<std::string, std::string> env;
  bool stdin_closed = false;  ///< else /dev/null
  std::uint64_t descriptors_max = 0;  ///< RLIMIT_NOFILE; 0 = ours
};

struct Ended {
  int code = 0;
  int signal = 0;
};

/// A process in a session of its own, with its output read by threads. The destructor kills it and its session.
class Launched {
 public:
  static constexpr std::size_t output_kept_max = 4 << 20;  ///< bytes a stream; what comes later is dropped

  static Result<std::unique_ptr<Launched>> start(const LaunchHow& how);
  Launched(const Launched&) = delete;
  Launched& operator=(const Launched&) = delete;
  ~Launched();

  int pid() const;
  /// The first line on standard output, without its end; nothing when time has passed or the stream has ended.
  std::optional<std::string> first_line(Duration limit) const;
  std::string standard_output() const;
  std::string standard_error() const;
  /// Both streams have ended: no process holds them any more.
  bool output_ends_within(Duration limit) const;
  std::optional<Ended> ends_within(Duration limit);
  void signal(int number) const;
  /// We read no more: whoever writes gets EPIPE.
  void close_outputs();

 private:
  struct State;
  explicit Launched(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace drover::conformance
