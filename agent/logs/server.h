#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <drover/result.h>

#include "agent/logs/protocol.h"
#include "agent/logs/stream.h"

namespace drover::agent::logs {

/// The collector itself: all streams and the control socket, on one thread.
class Server {
 public:
  /// Takes the socket path for itself; `conflict` when another collector serves it.
  static Result<std::unique_ptr<Server>> open(const std::string& socket_path);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Until a client asks it to end.
  Result<void> run();

 private:
  using Key = std::uint64_t;  ///< what epoll gives back
  struct Output {
    Key key;
    LogStream stream;
    bool is_ready = false;
    bool is_stuck = false;
    std::string last_error;  ///< told once, not every time
  };
  struct Task {
    std::unique_ptr<Output> out, err;
  };
  using TaskKey = std::pair<std::string, std::string>;  ///< allocation, task

  Server() = default;
  void accept_clients();
  void serve_client(Key key);
  Answer handle(const Request& request, std::vector<Fd> descriptors);
  Result<void> add(const Request& request, std::vector<Fd> descriptors);
  Result<std::unique_ptr<Output>> open_output(const Request& request, const char* kind, const Fd& folder, Fd fifo);
  Result<void> remove(const TaskKey& key);
  Result<void> drain(Output& output);
  void drop(Output& output);
  void mark_ready(Output& output);
  void move_ready();
  void retry_stuck();
  int poll_timeout_ms() const;

  std::string socket_path_;
  Fd lock_, listener_, epoll_;
  Key next_key_ = 1;
  std::map<TaskKey, Task> tasks_;
  std::map<Key, Output*> outputs_;
  std::map<Key, Fd> clients_;
  std::deque<Key> ready_;
  std::set<Key> stuck_;
  std::chrono::steady_clock::time_point retry_at_{};
  bool ending_ = false;
};

}  // namespace drover::agent::logs
