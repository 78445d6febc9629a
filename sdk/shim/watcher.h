#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include <drover/result.h>

#include "base/process/process_id.h"

/// One thread that waits for many processes.
namespace drover::sdk::shim {

class Watcher {
 public:
  Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher();  ///< what has not ended is forgotten

  /// Calls `ended` once, on the watcher's thread, when the process of this pidfd has ended. The descriptor is kept.
  Result<void> add(Fd pidfd, std::function<void(const Fd& pidfd)> ended);

 private:
  struct Entry {
    Fd pidfd;
    std::function<void(const Fd&)> ended;
  };
  void run();
  void end(std::uint64_t key);

  Fd epoll_;
  Fd wake_;
  std::mutex mutex_;
  std::map<std::uint64_t, Entry> entries_;
  std::uint64_t next_key_ = 1;
  std::thread thread_;
};

}  // namespace drover::sdk::shim
