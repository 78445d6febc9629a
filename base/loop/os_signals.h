#pragma once

#include <memory>
#include <vector>

#include "base/loop/async.h"
#include "base/loop/loop.h"

namespace drover {

/// Signals to the process, taken one by one. While it exists, the process does not die of them, and none is lost between
/// two waits. On the loop of `main`.
class OsSignals {
 public:
  OsSignals(Loop& loop, const std::vector<int>& signals);
  ~OsSignals();
  /// The next signal; 0 when cancelled.
  Async<int> next();

 private:
  struct Set;
  std::unique_ptr<Set> set_;
};

/// Waits until the process gets one of these signals (SIGINT, SIGTERM, SIGHUP, …), and says which; 0 when cancelled.
/// From its first wait on, the process no longer dies of them. On the loop of `main`.
Async<int> wait_for_os_signal(std::vector<int> signals);

}  // namespace drover
