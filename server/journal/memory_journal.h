#pragma once

#include <deque>
#include <optional>

#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "server/journal/journal.h"
#include "server/journal/snapshot_files.h"

namespace drover::server {

/// What a MemoryJournal writes to: it outlives the server that crashes, as a disk does. Also the handle by which tests
/// make it slow or bad. One thread.
class MemoryDisk {
 public:
  std::deque<std::string> records;  ///< the first is number `trimmed` + 1
  Index trimmed = 0;
  std::uint64_t leader = 0;         ///< who led last; older ones are fenced
  struct Saved {
    Index index = 0;
    std::string bytes;
  };
  std::vector<Saved> snapshots;     ///< oldest first

  Duration append_delay{0};         ///< how long the sync of an append takes
  std::optional<Error> refuse;      ///< appends are refused with this while it is set
  bool unknown_stored = false;      ///< the next append is stored, but its outcome is unknown
  bool unknown_lost = false;        ///< the next append is lost, and its outcome unknown
  std::uint64_t appends = 0;        ///< how many have begun

  /// An append whose sync has begun. A crash decides its fate: settle() is what the simulator calls then.
  std::optional<Batch> in_flight;
  /// After a crash: the append in flight has reached the disk, or has not.
  void settle(bool stored);

  Index head() const { return trimmed + records.size(); }
  void store(Batch batch);
};

/// A journal in memory, for tests and the simulator: same promises, on the loop's time.
class MemoryJournal final : public Journal {
 public:
  MemoryJournal(Loop& loop, MemoryDisk& disk) : loop_(loop), disk_(disk) {}

  Async<Result<Index>> lead() override;
  Async<Appended> append(Index first, Batch batch) override;
  Async<Result<void>> replay(Index from, std::function<Result<void>(Index, std::string_view)> visit) override;
  Async<Result<void>> trim(Index to) override;

 private:
  Loop& loop_;
  MemoryDisk& disk_;
  std::uint64_t term_ = 0;
};

/// Snapshots on a MemoryDisk.
class MemorySnapshots final : public SnapshotFiles {
 public:
  explicit MemorySnapshots(MemoryDisk& disk) : disk_(disk) {}

  Async<Result<Index>> save(Index index, SnapshotBody body) override;
  Async<Result<LoadedSnapshot>> load_newest() override;

 private:
  MemoryDisk& disk_;
};

}  // namespace drover::server
