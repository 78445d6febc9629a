#pragma once

#include <filesystem>
#include <memory>

#include "base/loop/loop.h"
#include "base/loop/workers.h"
#include "server/journal/journal.h"

namespace drover::server {

/// The journal of one server in SQLite (WAL, synchronous=FULL): `folder`/journal.db, every append one transaction on
/// one writer thread, every record with a format version and a checksum.
///
/// Beside it, journal.head says how far appends have been acknowledged: SQLite by itself would take a damaged end of
/// its write-ahead log for a clean one. The folder is locked against other processes while this exists.
class SqliteJournal final : public Journal {
 public:
  /// Opens or creates; blocks. The folder must exist. Errors: `conflict` (another process has it), `internal` (damaged),
  /// `unsupported` (of a newer drover), `exhausted` (disk full); each names the file and the cure.
  static Result<std::unique_ptr<SqliteJournal>> open(Loop& loop, std::filesystem::path folder);
  ~SqliteJournal() override;  ///< waits for the append in flight

  Async<Result<Index>> lead() override;
  Async<Appended> append(Index first, Batch batch) override;
  Async<Result<void>> replay(Index from, std::function<Result<void>(Index, std::string_view)> visit) override;
  Async<Result<void>> trim(Index to) override;

 private:
  class Store;
  SqliteJournal(Loop& loop, std::unique_ptr<Store> store);

  Loop& loop_;
  std::unique_ptr<Store> store_;
  ThreadWorkers writer_;  // last: it has ended before the store goes
};

}  // namespace drover::server
