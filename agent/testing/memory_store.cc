#include "agent/testing/memory_store.h"

#include "model/proto/alloc.pb.h"

namespace drover::agent {

Async<Result<void>> MemoryStore::write() {
  const bool slept = co_await loop_.sleep(disk_.write_time);
  if (!slept) co_return fail(Code::cancelled, "the write was cancelled");
  if (disk_.full) co_return fail(Code::exhausted, "no space left on device");
  disk_.writes++;
  co_return Result<void>();
}

Async<Result<StoredState>> MemoryStore::load() {
  const bool slept = co_await loop_.sleep(disk_.write_time);
  if (!slept) co_return fail(Code::cancelled, "the read was cancelled");
  co_return disk_.state;
}

Async<Result<void>> MemoryStore::save_node(StoredNode node) {
  DROVER_CO_TRY(co_await write());
  disk_.state.node = std::move(node);
  co_return Result<void>();
}

Async<Result<void>> MemoryStore::save_alloc(std::shared_ptr<const model::Allocation> alloc) {
  DROVER_CO_TRY(co_await write());
  disk_.state.allocs[alloc->id()].alloc = std::move(alloc);
  co_return Result<void>();
}

Async<Result<void>> MemoryStore::save_task(std::string alloc_id, std::string task, StoredTask stored) {
  DROVER_CO_TRY(co_await write());
  disk_.state.allocs[alloc_id].tasks[task] = std::move(stored);
  co_return Result<void>();
}

Async<Result<void>> MemoryStore::forget_alloc(std::string alloc_id) {
  DROVER_CO_TRY(co_await write());
  disk_.state.allocs.erase(alloc_id);
  co_return Result<void>();
}

Async<Result<void>> MemoryStore::save_dynamic_meta(std::map<std::string, std::string> meta) {
  DROVER_CO_TRY(co_await write());
  disk_.state.dynamic_meta = std::move(meta);
  co_return Result<void>();
}

}  // namespace drover::agent
