#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "agent/store/agent_store.h"
#include "agent/store/store_file.h"
#include "base/loop/loop.h"
#include "base/loop/workers.h"

namespace drover::agent {

/// The AgentStore on disk. Files are touched on a worker thread; what is asked for while a write runs goes into the
/// next one together: one transaction, one sync.
class SqliteStore final : public AgentStore {
 public:
  /// Opens (or makes) the store in `folder`; blocks. `workers` must run one job at a time.
  static Result<std::unique_ptr<SqliteStore>> open(Loop& loop, Workers& workers, std::filesystem::path folder);
  ~SqliteStore() override;

  Async<Result<StoredState>> load() override;
  Async<Result<void>> save_node(StoredNode node) override;
  Async<Result<void>> save_alloc(std::shared_ptr<const model::Allocation> alloc) override;
  Async<Result<void>> save_task(std::string alloc_id, std::string task, StoredTask stored) override;
  Async<Result<void>> forget_alloc(std::string alloc_id) override;
  Async<Result<void>> save_dynamic_meta(std::map<std::string, std::string> meta) override;

 private:
  struct Batch;
  struct State;
  SqliteStore(Loop& loop, Workers& workers, std::unique_ptr<StoreFile> file);

  Async<Result<void>> save(std::vector<StoreChange> changes);

  std::shared_ptr<State> state_;
};

}  // namespace drover::agent
