#include "base/sqlite/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace drover::sqlite {

namespace {

constexpr int busy_wait_ms = 2000;  ///< for the checkpoint of a process that is just ending

/// Creates the file readable by its owner alone; SQLite gives its side files the same mode.
Result<void> create_private(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::unavailable, "open '{}': {}", path.string(), std::strerror(errno));
  ::close(fd);
  return {};
}

}  // namespace

Statement::Statement(Statement&& other) noexcept : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}
Statement::~Statement() { ::sqlite3_finalize(statement_); }

Statement& Statement::bind(int at, std::int64_t value) {
  ::sqlite3_bind_int64(statement_, at + 1, value);
  return *this;
}

Statement& Statement::bind(int at, std::string_view bytes) {
  ::sqlite3_bind_blob64(statement_, at + 1, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Result<bool> Statement::step() {
  const int code = ::sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  Result<bool> result = false;
  if (code != SQLITE_DONE) result = database_->error(code, ::sqlite3_errmsg(database_->handle_));
  reset();
  return result;
}

Result<void> Statement::run() {
  DROVER_LET(const bool row, step());
  if (row) reset();
  return {};
}

void Statement::reset() {
  ::sqlite3_reset(statement_);
  ::sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::integer(int column) const { return ::sqlite3_column_int64(statement_, column); }

std::string_view Statement::bytes(int column) const {
  const void* start = ::sqlite3_column_blob(statement_, column);
  return {static_cast<const char*>(start), static_cast<std::size_t>(::sqlite3_column_bytes(statement_, column))};
}

Database::Database(std::filesystem::path path, OpenOptions options, sqlite3* handle)
    : path_(std::move(path)), options_(std::move(options)), handle_(handle) {}

Database::~Database() { ::sqlite3_close(handle_); }

Result<std::unique_ptr<Database>> Database::open(std::filesystem::path path, OpenOptions options) {
  DROVER_TRY(create_private(path));
  sqlite3* handle = nullptr;
  const int code = ::sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(std::move(path), std::move(options), handle));
  if (code != SQLITE_OK) return database->error(code, ::sqlite3_errmsg(handle));
  DROVER_TRY(database->configure());
  return database;
}

Result<void> Database::configure() {
  ::sqlite3_extended_result_codes(handle_, 1);
  ::sqlite3_busy_timeout(handle_, busy_wait_ms);
  DROVER_LET(const std::int64_t application_id, pragma("application_id"));
  DROVER_LET(version_, pragma("user_version"));
  DROVER_LET(const std::int64_t tables, pragma("schema_version"));
  if (tables > 0 && application_id != options_.application_id) return damaged("it is not a file of drover, or its first page is damaged");
  if (version_ > options_.version_max) {
    return fail(Code::unsupported, "'{}' was written by a newer drover (format {}, this one reads up to {}): install that one again", path_.string(),
                version_, options_.version_max);
  }
  DROVER_TRY(run("PRAGMA journal_mode=WAL"));
  DROVER_TRY(run("PRAGMA synchronous=FULL"));
  DROVER_TRY(run("PRAGMA trusted_schema=OFF"));
  DROVER_TRY(run("PRAGMA cell_size_check=ON"));
  DROVER_TRY(run("PRAGMA journal_size_limit=67108864"));
  if (tables == 0) DROVER_TRY(run(text("PRAGMA application_id={}", options_.application_id)));
  return {};
}

Result<std::int64_t> Database::pragma(std::string_view name) {
  DROVER_LET(Statement statement, prepare(text("PRAGMA {}", name)));
  DROVER_LET(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

Result<void> Database::set_version(std::int64_t version) {
  DROVER_TRY(run(text("PRAGMA user_version={}", version)));
  version_ = version;
  return {};
}

Result<void> Database::run(std::string_view sql) {
  const int code = ::sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code, ::sqlite3_errmsg(handle_));
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = ::sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return error(code, ::sqlite3_errmsg(handle_));
  return Statement(*this, statement);
}

void Database::roll_back() {
  if (::sqlite3_get_autocommit(handle_) == 0) ::sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Error Database::error(int code, std::string_view what) const {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return fail(Code::exhausted, "'{}': the disk is full: free some space, then it goes on by itself", path_.string());
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(Code::conflict, "'{}' is in use by another process: stop that one first", path_.string());
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:      // what we ask is right: a table is missing or not as we made it
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
      return damaged(what);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return fail(Code::denied, "'{}': {}", path_.string(), what);
    default:
      return fail(Code::unavailable, "'{}': {}", path_.string(), what);
  }
}

Error Database::damaged(std::string_view what) const {
  const std::string_view colon = options_.cure.empty() ? "" : ": ";
  return fail(Code::internal, "'{}' is damaged: {}{}{}", path_.string(), what, colon, options_.cure);
}

}  // namespace drover::sqlite
