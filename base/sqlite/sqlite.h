#pragma once

#include <drover/result.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace drover::sqlite {

class Database;

/// One prepared statement, used again and again. Parameters and columns count from 0. Must go before its Database.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(int at, std::int64_t value);
  Statement& bind(int at, std::string_view bytes);  ///< as a blob; the bytes must live until the statement is reset

  /// True while there is a row. After the last, or an error, the statement is reset by itself.
  Result<bool> step();
  /// Runs a statement that gives no rows.
  Result<void> run();
  /// Ends a query early.
  void reset();

  std::int64_t integer(int column) const;
  std::string_view bytes(int column) const;  ///< valid until the next step

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* statement) : database_(&database), statement_(statement) {}
  Database* database_;
  sqlite3_stmt* statement_;
};

struct OpenOptions {
  std::int32_t application_id = 0;  ///< marks the file as ours
  std::int32_t version_max = 1;     ///< the newest format (PRAGMA user_version) this program reads
  std::string cure;                 ///< what to do about a damaged file; ends its error messages
};

/// A SQLite file in WAL mode with synchronous=FULL: what is committed survives a power cut. One thread at a time.
///
/// Errors name the file. `exhausted`: the disk is full, nothing was changed. `internal`: damaged, or not ours.
/// `unsupported`: written by a newer drover. `conflict`: another process has it. `unavailable`: the disk failed;
/// whether the last commit is there is unknown until the file has been opened anew.
class Database {
 public:
  /// Opens or creates (mode 0600). A file that is new has version 0.
  static Result<std::unique_ptr<Database>> open(std::filesystem::path path, OpenOptions options);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  std::int64_t version() const { return version_; }
  /// The version is part of the transaction that it is set in.
  Result<void> set_version(std::int64_t version);

  Result<void> run(std::string_view sql);
  Result<Statement> prepare(std::string_view sql);
  /// Runs `work` between BEGIN IMMEDIATE and COMMIT; an error rolls back.
  template <class Work>
  Result<void> transaction(Work&& work) {
    DROVER_TRY(run("BEGIN IMMEDIATE"));
    Result<void> done = work();
    if (done) done = run("COMMIT");
    if (!done) roll_back();
    return done;
  }

  const std::filesystem::path& path() const { return path_; }
  /// What `code` of SQLite means for this file.
  Error error(int code, std::string_view what) const;
  /// An error for a file whose content is wrong: path, what, and the cure.
  Error damaged(std::string_view what) const;

 private:
  Database(std::filesystem::path path, OpenOptions options, sqlite3* handle);
  Result<void> configure();
  Result<std::int64_t> pragma(std::string_view name);
  void roll_back();

  friend class Statement;
  std::filesystem::path path_;
  OpenOptions options_;
  sqlite3* handle_;
  std::int64_t version_ = 0;
};

}  // namespace drover::sqlite
