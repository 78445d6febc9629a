#pragma once

#include <cstdint>
#include <string>

#include <drover/result.h>

/// Processes named so that a reused pid is never mistaken for them. Linux only; no thread, no state.
namespace drover {

/// A process for ever: its pid and when it started. Two processes of one boot never share both.
struct ProcessId {
  int pid = 0;
  std::uint64_t start_ticks = 0;  ///< field 22 of /proc/PID/stat: clock ticks since boot

  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

/// Identifies the current boot; what was saved under another one names no living process.
Result<std::string> read_boot_id();

/// Who runs under this pid now; `not_found` when nobody does (a zombie still counts).
Result<ProcessId> identify(int pid);

/// An owned descriptor. Closed by the destructor; -1 is none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int release();
  void close();

 private:
  int fd_ = -1;
};

/// A pidfd of exactly this process; `not_found` when it is gone or its pid belongs to another one by now.
Result<Fd> open_pidfd(const ProcessId& id);

/// Sends a signal to exactly this process, never to a later owner of its pid; `not_found` when it is gone.
Result<void> send_signal(const ProcessId& id, int signal);

/// Whether it runs (a zombie does not).
bool is_running(const ProcessId& id);

}  // namespace drover
