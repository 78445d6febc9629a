#include "server/journal/memory_journal.h"

namespace drover::server {

Async<Result<Index>> MemorySnapshots::save(Index index, SnapshotBody body) {
  MemoryDisk::Saved saved{index, {}};
  DROVER_CO_TRY(body([&saved](std::string_view piece) -> Result<void> {
    saved.bytes += piece;
    return {};
  }));
  disk_.snapshots.push_back(std::move(saved));
  if (disk_.snapshots.size() > snapshots_kept) disk_.snapshots.erase(disk_.snapshots.begin());
  co_return disk_.snapshots.front().index;
}

Async<Result<LoadedSnapshot>> MemorySnapshots::load_newest() {
  LoadedSnapshot loaded;
  if (!disk_.snapshots.empty()) {
    loaded.index = disk_.snapshots.back().index;
    loaded.bytes = disk_.snapshots.back().bytes;
  }
  co_return loaded;
}

}  // namespace drover::server
