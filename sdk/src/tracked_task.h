#pragma once

#include <drover/driver.h>

#include <memory>
#include <optional>
#include <string>

#include "base/loop/signal.h"

namespace drover::sdk {

/// A task that the driver knows: from its start or recovery until it is destroyed. On the loop only; the author's object
/// is called from the pool, and stays alive as long as a call is in it.
struct TrackedTask {
  explicit TrackedTask(Loop& loop) : changed(loop) {}

  TaskConfig config;
  std::shared_ptr<Task> task;  ///< null while start() is still on its way
  Instant started_at{};
  Instant ended_at{};
  std::optional<Exit> exit;
  bool destroyed = false;
  Signal changed;  ///< of exit and destroyed
};

/// What the SDK keeps in a handle's opaque state: the author's checkpoint, and the configuration, because some hosts forget
/// to send it back.
struct SavedTask {
  std::string checkpoint;
  std::string config_msgpack;
  Instant started_at{};
};

inline constexpr int handle_version = 1;

std::string encode(const SavedTask& saved);
Result<SavedTask> decode_saved(const std::string& bytes);

}  // namespace drover::sdk
