#include "agent/store/store_file.h"

#include <sys/stat.h>

#include <system_error>

#include "agent/store/log_damage.h"
#include "agent/store/stored.pb.h"
#include "agent/store/stored_task.h"
#include "base/file/checksum.h"
#include "base/file/durable_file.h"
#include "base/file/file_lock.h"
#include "base/sqlite/sqlite.h"
#include "model/proto/alloc.pb.h"

namespace drover::agent {
namespace {

constexpr std::int32_t application_id = 0x44527661;
constexpr std::int64_t format_version = 1;
constexpr int damaged_files_max = 100;
constexpr std::size_t identity_bytes_max = 100;
constexpr std::size_t log_bytes_max = 256U << 20;

std::uint32_t checksum(std::string_view key, std::string_view body) { return crc32(body, crc32(key)); }

/// The smallest key that is greater than all that begin with `prefix`.
std::string after_prefix(std::string prefix) {
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

struct StoreFile::Lock {
  FileLock lock;
};

StoreFile::StoreFile(std::filesystem::path folder) : folder_(std::move(folder)) {}
StoreFile::~StoreFile() = default;

Result<std::unique_ptr<StoreFile>> StoreFile::open(std::filesystem::path folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(Code::unavailable, "cannot make the agent's state folder {}: {}", folder.string(), error.message());
  ::chmod(folder.c_str(), 0700);
  std::unique_ptr<StoreFile> file(new StoreFile(std::move(folder)));
  DROVER_LET(FileLock lock, FileLock::take(file->folder_));
  file->lock_ = std::make_unique<Lock>(Lock{std::move(lock)});

  file->look_at_log();
  Result<void> opened = file->open_database();
  if (!opened && opened.error().code == Code::internal) {
    DROVER_TRY(file->move_aside(opened.error().message));
    opened = file->open_database();
  }
  if (!opened) return std::move(opened).error();
  return file;
}

Result<void> StoreFile::open_database() {
  sqlite::OpenOptions options;
  options.application_id = application_id;
  options.version_max = static_cast<std::int32_t>(format_version);
  DROVER_LET(database_, sqlite::Database::open(folder_ / "agent.db", std::move(options)));
  // What is left of a damaged log must not look like damage again at the next start.
  static_cast<void>(database_->run("PRAGMA wal_checkpoint(TRUNCATE)"));
  if (database_->version() != 0) return {};
  sqlite::Database& database = *database_;
  return database.transaction([&database]() -> Result<void> {
    DROVER_TRY(database.run(
        "CREATE TABLE records (key BLOB PRIMARY KEY, body BLOB NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID"));
    return database.set_version(format_version);
  });
}

/// Before SQLite does, which is silent about what it leaves out.
void StoreFile::look_at_log() {
  const std::filesystem::path path = folder_ / "agent.db-wal";
  const Result<std::string> log = read_file(path, log_bytes_max);
  if (!log) return;
  const std::string damage = log_damage(*log);
  if (damage.empty()) return;
  losses_.push_back(text("the log {} of the agent's store is damaged ({}): what was written since is lost, and tasks whose handle is among it are started anew", path.string(), damage));
}

Result<void> StoreFile::move_aside(const std::string& why) {
  database_.reset();
  std::error_code error;
  std::filesystem::path aside;
  for (int n = 1; n <= damaged_files_max; ++n) {
    aside = folder_ / ("agent.db.damaged-" + std::to_string(n));
    if (!std::filesystem::exists(aside, error)) break;
  }
  std::filesystem::rename(folder_ / "agent.db", aside, error);
  if (error)
    return fail(Code::unavailable, "cannot move the damaged {} aside: {}", (folder_ / "agent.db").string(),
                error.message());
  for (const char* suffix : {"-wal", "-shm"}) {
    std::filesystem::rename(folder_ / (std::string("agent.db") + suffix), aside.string() + suffix, error);
  }
  losses_.push_back(
      text("the agent's store was damaged ({}); it is kept as {}, and what could not be read of it is forgotten: "
           "allocations are "
           "fetched from the server again, tasks whose handle is lost are not looked after any more",
           why, aside.string()));
  return {};
}

Result<StoredState> StoreFile::load() {
  StoredState state;
  Result<void> read = read_records(state);
  if (read) read = check_file();
  if (!read && read.error().code == Code::internal) {
    // What was read up to here is carried over to a new file.
    DROVER_TRY(move_aside(read.error().message));
    DROVER_TRY(open_database());
    std::vector<StoreChange> kept;
    for (const auto& [id, alloc] : state.allocs) {
      if (alloc.alloc != nullptr)
        kept.push_back({StoreChange::Kind::put, "alloc/" + id, alloc.alloc->SerializeAsString()});
      for (const auto& [task, stored] : alloc.tasks)
        kept.push_back({StoreChange::Kind::put, "task/" + id + "/" + task, write_stored_task(stored)});
    }
    DROVER_TRY(write(kept));
  } else if (!read) {
    return std::move(read).error();
  }
  std::erase_if(state.allocs, [this](const auto& entry) {
    if (entry.second.alloc != nullptr) return false;
    losses_.push_back(
        text("the record of allocation {} is lost, so its tasks are not looked after any more", entry.first));
    return true;
  });
  read_identity_files(state);
  state.losses = std::move(losses_);
  losses_.clear();
  return state;
}

Result<void> StoreFile::read_records(StoredState& state) {
  DROVER_LET(sqlite::Statement select, database_->prepare("SELECT key, body, checksum FROM records ORDER BY key"));
  for (;;) {
    DROVER_LET(const bool row, select.step());
    if (!row) return {};
    const std::string_view key = select.bytes(0);
    const std::string_view body = select.bytes(1);
    if (static_cast<std::int64_t>(checksum(key, body)) != select.integer(2)) {
      losses_.push_back(text("the record {} is damaged and left out", key));
      continue;
    }
    take_record(state, key, body);
  }
}

/// Records may have gone without a trace in them: from a page that has lost its count.
Result<void> StoreFile::check_file() {
  DROVER_LET(sqlite::Statement check, database_->prepare("PRAGMA quick_check(1)"));
  DROVER_LET(const bool row, check.step());
  const std::string found = row ? std::string(check.bytes(0)) : "no answer";
  if (found != "ok") return fail(Code::internal, "{}", found);
  return {};
}

void StoreFile::take_record(StoredState& state, std::string_view key, std::string_view body) {
  const int size = static_cast<int>(body.size());
  if (key == "node") {
    stored::Node node;
    if (node.ParseFromArray(body.data(), size)) state.node = StoredNode{node.id(), node.secret_id()};
  } else if (key == "meta") {
    stored::Meta meta;
    if (!meta.ParseFromArray(body.data(), size)) return;
    for (const stored::Pair& pair : meta.entries()) state.dynamic_meta[pair.name()] = pair.value();
  } else if (key.starts_with("alloc/")) {
    auto alloc = std::make_shared<model::Allocation>();
    if (alloc->ParseFromArray(body.data(), size))
      state.allocs[std::string(key.substr(6))].alloc = std::move(alloc);
    else
      losses_.push_back(text("the record {} cannot be understood and is left out", key));
  } else if (key.starts_with("task/")) {
    const auto slash = key.find('/', 5);
    Result<StoredTask> task = read_stored_task(body);
    if (task && slash != std::string_view::npos)
      state.allocs[std::string(key.substr(5, slash - 5))].tasks[std::string(key.substr(slash + 1))] =
          std::move(task).value();
    else
      losses_.push_back(text("the record {} cannot be understood and is left out", key));
  }
}

Result<void> StoreFile::write_identity_files(const StoredNode& node) {
  DROVER_TRY(write_file_durably(folder_ / "client-id", node.id));
  return write_file_durably(folder_ / "secret-id", node.secret_id);
}

/// Who this node is stands in two small files as well: losing the store must not make it another node.
void StoreFile::read_identity_files(StoredState& state) {
  const std::filesystem::path id_file = folder_ / "client-id", secret_file = folder_ / "secret-id";
  if (state.node) {
    std::error_code error;
    const bool there = std::filesystem::exists(id_file, error) && std::filesystem::exists(secret_file, error);
    if (!there && !write_identity_files(*state.node)) losses_.push_back(text("cannot write {}", id_file.string()));
    return;
  }
  const Result<std::string> id = read_file(id_file, identity_bytes_max);
  const Result<std::string> secret = read_file(secret_file, identity_bytes_max);
  if (id && secret && !id->empty() && !secret->empty()) state.node = StoredNode{trimmed(*id), trimmed(*secret)};
}

Result<void> StoreFile::write(const std::vector<StoreChange>& changes) {
  if (database_ == nullptr) DROVER_TRY(open_database());
  sqlite::Database& database = *database_;
  Result<void> written = database.transaction([&database, &changes]() -> Result<void> {
    DROVER_LET(sqlite::Statement put,
               database.prepare("INSERT OR REPLACE INTO records (key, body, checksum) VALUES (?, ?, ?)"));
    DROVER_LET(sqlite::Statement erase, database.prepare("DELETE FROM records WHERE key >= ? AND key < ?"));
    for (const StoreChange& change : changes) {
      if (change.kind == StoreChange::Kind::put) {
        put.bind(0, change.key)
            .bind(1, change.body)
            .bind(2, static_cast<std::int64_t>(checksum(change.key, change.body)));
        DROVER_TRY(put.run());
      } else {
        const std::string end = change.kind == StoreChange::Kind::erase ? change.key + '\0' : after_prefix(change.key);
        erase.bind(0, change.key).bind(1, end);
        DROVER_TRY(erase.run());
      }
    }
    return {};
  });
  // After a failure of the disk, whether the commit is there is unknown until the file is opened anew.
  if (!written && written.error().code == Code::unavailable) database_.reset();
  for (const StoreChange& change : changes) {
    stored::Node node;
    if (!written || change.key != "node" || !node.ParseFromString(change.body)) continue;
    DROVER_TRY(write_identity_files(StoredNode{node.id(), node.secret_id()}));
  }
  return written;
}

}  // namespace drover::agent
