#pragma once

#include <map>
#include <string>

#include "agent/store/agent_store.h"
#include "base/loop/loop.h"

namespace drover::agent {

/// What survives a crash of a simulated agent.
struct MemoryDisk {
  StoredState state;
  bool full = false;  ///< every write fails
  Duration write_time = std::chrono::milliseconds(1);
  std::size_t writes = 0;
};

/// An AgentStore whose writes last a while and are there when they complete, not before.
class MemoryStore final : public AgentStore {
 public:
  MemoryStore(Loop& loop, MemoryDisk& disk) : loop_(loop), disk_(disk) {}

  Async<Result<StoredState>> load() override;
  Async<Result<void>> save_node(StoredNode node) override;
  Async<Result<void>> save_alloc(std::shared_ptr<const model::Allocation> alloc) override;
  Async<Result<void>> save_task(std::string alloc_id, std::string task, StoredTask stored) override;
  Async<Result<void>> forget_alloc(std::string alloc_id) override;
  Async<Result<void>> save_dynamic_meta(std::map<std::string, std::string> meta) override;

 private:
  Async<Result<void>> write();

  Loop& loop_;
  MemoryDisk& disk_;
};

}  // namespace drover::agent
