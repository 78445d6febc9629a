#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file/file_lock.h"
#include "base/sqlite/sqlite.h"
#include "server/journal/journal.h"
#include "server/journal/sqlite_journal.h"

namespace drover::server {

/// The blocking half of SqliteJournal: lives on its writer thread.
class SqliteJournal::Store {
 public:
  static constexpr std::size_t page_records_max = 1024;
  static constexpr std::size_t page_bytes_max = 8 << 20;
  static constexpr Index trim_step_max = 4096;  ///< records that one transaction removes: appends wait no longer

  struct Record {
    Index index = 0;
    std::string body;
  };

  static Result<std::unique_ptr<Store>> open(std::filesystem::path folder);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  Result<Index> lead();
  Appended append(Index first, const Batch& batch);
  /// The records from `from` on, as many as a page holds; none: `from` is past the head.
  Result<std::vector<Record>> read(Index from);
  /// Removes some of the records up to `to`; true when none of them is left.
  Result<bool> trim_some(Index to);

 private:
  struct Statements {
    sqlite::Statement insert;
    sqlite::Statement select;
    sqlite::Statement remove;
    sqlite::Statement set_head;
  };

  Store(std::filesystem::path folder, FileLock lock);
  Result<void> connect();
  Result<void> create_tables();
  Result<void> read_head();
  Result<void> check_end();
  Result<void> put(Index first, const Batch& batch);
  Result<void> put_head(Index last, Index trimmed);
  Result<void> open_mark();
  Index marked() const;
  void mark(Index head);

  std::filesystem::path folder_;
  FileLock lock_;
  std::unique_ptr<sqlite::Database> database_;
  std::optional<Statements> statements_;  // after the database: goes before it
  int mark_fd_ = -1;
  bool broken_ = false;  ///< the connection's idea of the file may be wrong: connect anew
  Index head_ = 0;
  Index trimmed_ = 0;
};

}  // namespace drover::server
