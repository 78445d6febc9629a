#pragma once

#include <drover/result.h>

#include <memory>
#include <optional>
#include <string>

#include "agent/drivers/drivers.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "sdk/host/driver_client.h"

namespace drover::agent {

inline constexpr Duration usage_interval = std::chrono::seconds(1);
inline constexpr Duration usage_first_max = std::chrono::seconds(5);    ///< until the first measurement
inline constexpr Duration usage_idle_max = std::chrono::seconds(30);    ///< nobody asked: the stream is closed
inline constexpr Duration usage_retry_delay = std::chrono::seconds(10); ///< after a stream that failed

/// The statistics stream of one task, open while somebody asks. A driver that fails at it is asked again only after a
/// while. On the loop; the owner stops it.
class UsageWatch {
 public:
  UsageWatch(Loop& loop, std::shared_ptr<host::DriverClient> client, std::string task_id);

  /// The newest measurement; waits for the first one.
  Async<Result<TaskUsage>> latest();
  /// The stream has ended, and it may be opened anew; or nobody has asked for long.
  bool is_spent() const;
  Async<void> stop();

 private:
  Async<void> follow();

  Loop& loop_;
  std::shared_ptr<host::DriverClient> client_;
  std::string task_id_;
  std::optional<TaskUsage> usage_;
  std::optional<Error> ended_;
  Duration ended_at_{};
  Duration asked_at_{};
  Signal changed_;
  Scope scope_;
};

}  // namespace drover::agent
