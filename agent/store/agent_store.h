#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/drivers/drivers.h"
#include "base/loop/async.h"
#include "base/loop/time.h"
#include "model/fwd.h"

namespace drover::agent {

/// Who this node is; made once and kept for ever.
struct StoredNode {
  std::string id;
  std::string secret_id;
};

/// What must outlive the agent about one task.
struct StoredTask {
  std::shared_ptr<const model::TaskState> state;
  std::optional<TaskHandle> handle;  ///< of the start that is running (or whose exit is not yet told)
  std::string driver;                ///< whose handle it is
  std::uint32_t attempts = 0;        ///< restarts counted in the current interval of the restart policy
  Instant interval_start{};
  bool finished = false;  ///< will never run again
  std::optional<NetworkOverride> network;  ///< what the driver made for the start that is running
  bool restart_wanted = false;             ///< the start that is running is to end, and another one to follow
  bool restart_counts = false;             ///< … as if it had failed
};

struct StoredAlloc {
  std::shared_ptr<const model::Allocation> alloc;  ///< with its job
  std::map<std::string, StoredTask> tasks;
};

/// All that an agent remembers.
struct StoredState {
  std::optional<StoredNode> node;
  std::map<std::string, StoredAlloc> allocs;
  std::map<std::string, std::string> dynamic_meta;
  std::vector<std::string> losses;  ///< one sentence for each thing that could not be read, for the operator
};

/// The agent's memory on disk: SQLite in production (every write synced), a map in tests.
///
/// Write before you tell: what a completed save_ says survives a kill -9 of the agent and of the machine. Writes
/// queued at the same time share one transaction; writes of one alloc stay in order. A write that fails is
/// `exhausted` (disk full) or `internal`, and changes nothing. On the agent's loop only.
class AgentStore {
 public:
  virtual ~AgentStore() = default;

  virtual Async<Result<StoredState>> load() = 0;
  virtual Async<Result<void>> save_node(StoredNode node) = 0;
  virtual Async<Result<void>> save_alloc(std::shared_ptr<const model::Allocation> alloc) = 0;
  virtual Async<Result<void>> save_task(std::string alloc_id, std::string task, StoredTask stored) = 0;
  /// Forgets the allocation and its tasks.
  virtual Async<Result<void>> forget_alloc(std::string alloc_id) = 0;
  virtual Async<Result<void>> save_dynamic_meta(std::map<std::string, std::string> meta) = 0;
};

}  // namespace drover::agent
