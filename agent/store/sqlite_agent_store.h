#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/store/agent_store.h"
#include "base/loop/loop.h"
#include "base/loop/signal.h"
#include "base/loop/workers.h"

namespace drover::agent {

/// The agent's memory as `folder`/agent.db (SQLite, every commit synced), with a checksum a record.
///
/// A record that is damaged is left out and told in `losses`. A file that cannot be read at all is moved aside as
/// agent.db.damaged-<n> and a new one begun: the agent always starts, and says what it lost.
class SqliteAgentStore final : public AgentStore {
 public:
  /// The folder must exist and be this process's alone. Nothing is opened before load().
  SqliteAgentStore(Loop& loop, std::filesystem::path folder);
  ~SqliteAgentStore() override;

  Async<Result<StoredState>> load() override;
  Async<Result<void>> save_node(StoredNode node) override;
  Async<Result<void>> save_alloc(std::shared_ptr<const model::Allocation> alloc) override;
  Async<Result<void>> save_task(std::string alloc_id, std::string task, StoredTask stored) override;
  Async<Result<void>> forget_alloc(std::string alloc_id) override;
  Async<Result<void>> save_dynamic_meta(std::map<std::string, std::string> meta) override;

 private:
  /// One row to put or, without bytes, to remove (all tasks of the allocation with it).
  struct Write {
    enum class Table { meta, allocs, tasks, forget } table = Table::meta;
    std::string key;
    std::string task;
    std::string bytes;
  };
  class File;
  struct Batch;

  Async<Result<void>> save(Write write);
  Async<void> flush();

  Loop& loop_;
  std::shared_ptr<File> file_;
  std::shared_ptr<Batch> gathering_;  ///< what the next transaction holds
  bool flushing_ = false;
  Signal flushed_;
  ThreadWorkers thread_;
};

}  // namespace drover::agent
