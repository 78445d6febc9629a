#pragma once

#include <drover/result.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop/async.h"
#include "server/journal/index.h"

namespace drover::server {

/// Writes a state piece by piece through the function it is given; runs off the loop, so it owns what it reads.
using SnapshotBody = std::function<Result<void>(const std::function<Result<void>(std::string_view)>& write)>;

struct LoadedSnapshot {
  Index index = 0;    ///< of the last command in it; 0 with empty bytes: there is none
  std::string bytes;
  std::vector<std::string> damaged;  ///< one sentence for each newer one that had to be passed over
};

constexpr std::size_t snapshots_kept = 2;

/// Whole states, beside the journal, so that it can be trimmed. On the server's loop; one save at a time.
class SnapshotFiles {
 public:
  virtual ~SnapshotFiles() = default;

  /// Makes the state as of `index` durable and forgets all but the newest `snapshots_kept`. Gives the index up to which
  /// the journal may be trimmed: that of the oldest one kept, so that a damaged newest one costs nothing.
  virtual Async<Result<Index>> save(Index index, SnapshotBody body) = 0;

  /// The newest whole one. None at all is not an error; `internal` when there are some and all are damaged.
  virtual Async<Result<LoadedSnapshot>> load_newest() = 0;
};

}  // namespace drover::server
