#include "server/journal/sqlite_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file/checksum.h"
#include "base/file/durable_file.h"

namespace drover::server {

namespace {

constexpr std::int64_t record_format = 1;
constexpr std::int64_t schema_version = 1;
constexpr std::int32_t application_id = 0x64726a31;

/// The integers of a row in one fixed form, as its checksum covers them.
template <class... Integers>
std::uint32_t checksum_of(Integers... integers) {
  char bytes[sizeof...(Integers) * 8];
  std::size_t at = 0;
  const auto add = [&bytes, &at](std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) bytes[at++] = static_cast<char>(value >> shift);
  };
  (add(static_cast<std::uint64_t>(integers)), ...);
  return crc32(std::string_view(bytes, at));
}

std::uint32_t record_checksum(Index index, std::int64_t format, std::string_view body) {
  return crc32(body, checksum_of(index, format));
}

std::string cure(const std::filesystem::path& folder) {
  return text("stop drover, keep a copy of '{}' and put back a backup of it; without one, move the folder away and register the jobs again",
              folder.string());
}

}  // namespace

SqliteJournal::Store::Store(std::filesystem::path folder, FileLock lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}

SqliteJournal::Store::~Store() {
  if (mark_fd_ >= 0) ::close(mark_fd_);
}

Result<std::unique_ptr<SqliteJournal::Store>> SqliteJournal::Store::open(std::filesystem::path folder) {
  DROVER_LET(FileLock lock, FileLock::take(folder));
  std::unique_ptr<Store> store(new Store(std::move(folder), std::move(lock)));
  DROVER_TRY(store->connect());
  DROVER_TRY(store->open_mark());
  return store;
}

Result<void> SqliteJournal::Store::connect() {
  statements_.reset();
  database_.reset();
  sqlite::OpenOptions options;
  options.application_id = application_id;
  options.version_max = schema_version;
  options.cure = cure(folder_);
  DROVER_LET(database_, sqlite::Database::open(folder_ / "journal.db", std::move(options)));
  if (database_->version() == 0) DROVER_TRY(create_tables());
  DROVER_LET(auto insert, database_->prepare("INSERT INTO records(id, format, checksum, body) VALUES(?, ?, ?, ?)"));
  DROVER_LET(auto select, database_->prepare("SELECT id, format, checksum, body FROM records WHERE id >= ? ORDER BY id LIMIT ?"));
  DROVER_LET(auto remove, database_->prepare("DELETE FROM records WHERE id <= ?"));
  DROVER_LET(auto set_head, database_->prepare("UPDATE head SET last = ?, trimmed = ?, checksum = ? WHERE id = 0"));
  statements_.emplace(Statements{std::move(insert), std::move(select), std::move(remove), std::move(set_head)});
  broken_ = false;
  return {};
}

Result<void> SqliteJournal::Store::create_tables() {
  return database_->transaction([this]() -> Result<void> {
    DROVER_TRY(database_->run("CREATE TABLE records(id INTEGER PRIMARY KEY, format INTEGER NOT NULL, checksum INTEGER NOT NULL, body BLOB NOT NULL)"));
    DROVER_TRY(database_->run("CREATE TABLE head(id INTEGER PRIMARY KEY, last INTEGER NOT NULL, trimmed INTEGER NOT NULL, checksum INTEGER NOT NULL)"));
    DROVER_TRY(database_->run(text("INSERT INTO head VALUES(0, 0, 0, {})", checksum_of(0, 0))));
    return database_->set_version(schema_version);
  });
}

Result<Index> SqliteJournal::Store::lead() {
  if (broken_) DROVER_TRY(connect());
  DROVER_TRY(read_head());
  DROVER_TRY(check_end());
  return head_;
}

Result<void> SqliteJournal::Store::read_head() {
  DROVER_LET(auto query, database_->prepare("SELECT last, trimmed, checksum FROM head WHERE id = 0"));
  DROVER_LET(const bool row, query.step());
  if (!row) return database_->damaged("the row that names the last record is missing");
  const std::int64_t last = query.integer(0);
  const std::int64_t trimmed = query.integer(1);
  if (query.integer(2) != checksum_of(last, trimmed)) return database_->damaged("the row that names the last record does not match its checksum");
  head_ = static_cast<Index>(last);
  trimmed_ = static_cast<Index>(trimmed);
  return {};
}

/// The last record must be the one that the head names, and none that was acknowledged may be missing.
Result<void> SqliteJournal::Store::check_end() {
  const Index acknowledged = marked();
  if (acknowledged > head_) {
    return database_->damaged(text("records up to {} were acknowledged, but the last one is {}", acknowledged, head_));
  }
  DROVER_LET(auto query, database_->prepare("SELECT max(id) FROM records"));
  DROVER_LET(const bool row, query.step());
  const Index last = row ? static_cast<Index>(query.integer(0)) : 0;
  if (last != (head_ == trimmed_ ? 0 : head_)) return database_->damaged(text("the last record is {}, but should be {}", last, head_));
  return {};
}

Appended SqliteJournal::Store::append(Index first, const Batch& batch) {
  const auto refused = [](Error error) { return Appended{Appended::Outcome::refused, std::move(error)}; };
  if (broken_) return refused(fail(Code::unavailable, "'{}' has failed: lead again first", database_->path().string()));
  if (first != head_ + 1) return refused(fail(Code::conflict, "append at {}, but the head is {}", first, head_));
  const auto too_long = std::ranges::find_if(batch, [](const std::string& record) { return record.size() > journal_record_bytes_max; });
  if (too_long != batch.end()) return refused(fail(Code::exhausted, "a record of {} bytes is longer than {}", too_long->size(), journal_record_bytes_max));
  if (batch.size() > journal_batch_records_max) return refused(fail(Code::exhausted, "{} records in one append, {} is the most", batch.size(), journal_batch_records_max));

  const Result<void> done = database_->transaction([this, first, &batch] { return put(first, batch); });
  if (!done && (done.error().code == Code::exhausted || done.error().code == Code::conflict)) return refused(done.error());
  if (!done) {  // SQLite may or may not have written the commit
    broken_ = true;
    return Appended{Appended::Outcome::unknown, done.error()};
  }
  head_ = first + batch.size() - 1;
  mark(head_);
  return Appended{};
}

Result<void> SqliteJournal::Store::put(Index first, const Batch& batch) {
  Index index = first;
  for (const std::string& record : batch) {
    sqlite::Statement& insert = statements_->insert;
    insert.bind(0, static_cast<std::int64_t>(index)).bind(1, record_format);
    insert.bind(2, static_cast<std::int64_t>(record_checksum(index, record_format, record))).bind(3, record);
    DROVER_TRY(insert.run());
    ++index;
  }
  return put_head(index - 1, trimmed_);
}

Result<void> SqliteJournal::Store::put_head(Index last, Index trimmed) {
  sqlite::Statement& set = statements_->set_head;
  set.bind(0, static_cast<std::int64_t>(last)).bind(1, static_cast<std::int64_t>(trimmed));
  set.bind(2, static_cast<std::int64_t>(checksum_of(last, trimmed)));
  return set.run();
}

Result<std::vector<SqliteJournal::Store::Record>> SqliteJournal::Store::read(Index from) {
  if (from <= trimmed_) return fail(Code::not_found, "the journal begins at {}, {} was asked for", trimmed_ + 1, from);
  std::vector<Record> page;
  sqlite::Statement& select = statements_->select;
  select.bind(0, static_cast<std::int64_t>(from)).bind(1, static_cast<std::int64_t>(page_records_max));
  Index expected = from;
  for (std::size_t bytes = 0; expected <= head_ && page.size() < page_records_max && bytes < page_bytes_max; ++expected) {
    DROVER_LET(const bool row, select.step());
    if (!row || static_cast<Index>(select.integer(0)) != expected) {
      select.reset();
      return database_->damaged(text("record {} is missing", expected));
    }
    const std::int64_t format = select.integer(1);
    const std::string_view body = select.bytes(3);
    const bool whole = select.integer(2) == record_checksum(expected, format, body);
    if (!whole || format != record_format) {
      select.reset();
      return database_->damaged(text("record {} {}", expected, whole ? "has a format that this drover does not know" : "does not match its checksum"));
    }
    bytes += body.size();
    page.push_back(Record{expected, std::string(body)});
  }
  select.reset();
  return page;
}

Result<bool> SqliteJournal::Store::trim_some(Index to) {
  const Index until = std::min({to, head_, trimmed_ + trim_step_max});
  if (until <= trimmed_) return true;
  DROVER_TRY(database_->transaction([this, until]() -> Result<void> {
    DROVER_TRY(statements_->remove.bind(0, static_cast<std::int64_t>(until)).run());
    return put_head(head_, until);
  }));
  trimmed_ = until;
  return until >= std::min(to, head_);
}

Result<void> SqliteJournal::Store::open_mark() {
  const std::string path = folder_ / "journal.head";
  mark_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (mark_fd_ < 0) return fail(Code::unavailable, "open '{}': {}", path, std::strerror(errno));
  return sync_folder(folder_);
}

// The mark is written after the commit and never synced: a kill of the process cannot lose it, and after a power cut it
// is merely old. So it never promises more than the journal has, unless the journal is damaged.

Index SqliteJournal::Store::marked() const {
  std::uint64_t mark[2] = {};
  if (::pread(mark_fd_, mark, sizeof mark, 0) != static_cast<ssize_t>(sizeof mark)) return 0;
  return mark[1] == checksum_of(mark[0]) ? mark[0] : 0;
}

void SqliteJournal::Store::mark(Index head) {
  const std::uint64_t mark[2] = {head, checksum_of(head)};
  if (::pwrite(mark_fd_, mark, sizeof mark, 0) < 0) {
    // A full disk: the old mark stays, and promises less.
  }
}

}  // namespace drover::server
