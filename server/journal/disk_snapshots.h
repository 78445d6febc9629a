#pragma once

#include <filesystem>

#include "base/loop/loop.h"
#include "base/loop/workers.h"
#include "server/journal/snapshot_files.h"

namespace drover::server {

/// Snapshots as files in a folder, "snapshot-<index>.drover": written to a temporary name, synced, renamed; with a
/// format version and a checksum. Works on a thread of its own.
class DiskSnapshots final : public SnapshotFiles {
 public:
  static constexpr std::size_t bytes_max = std::size_t{16} << 30;  ///< a longer file is not read

  /// The folder must exist, and be this process's alone (SqliteJournal locks it).
  DiskSnapshots(Loop& loop, std::filesystem::path folder);

  Async<Result<Index>> save(Index index, SnapshotBody body) override;
  Async<Result<LoadedSnapshot>> load_newest() override;

 private:
  Loop& loop_;
  std::filesystem::path folder_;
  ThreadWorkers thread_;
};

}  // namespace drover::server
