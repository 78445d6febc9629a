#include "agent/store/sqlite_agent_store.h"

#include "agent/store/record.h"
#include "agent/store/record.pb.h"
#include "base/file/checksum.h"
#include "base/loop/start.h"
#include "base/sqlite/sqlite.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"

namespace drover::agent {
namespace {

constexpr std::int32_t application_id = 0x44727641;  // "DrvA"
constexpr std::int64_t format_version = 1;
constexpr int damaged_files_max = 100;

constexpr const char* schema[] = {
    "CREATE TABLE IF NOT EXISTS meta (key BLOB PRIMARY KEY, bytes BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS allocs (key BLOB PRIMARY KEY, bytes BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS tasks (key BLOB, task BLOB, bytes BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (key, task)) WITHOUT ROWID",
};

std::int64_t sum_of(std::string_view key, std::string_view task, std::string_view bytes) { return crc32(bytes, crc32(task, crc32(key))); }

}  // namespace

/// The file itself. Touched on the store's thread only.
class SqliteAgentStore::File {
 public:
  explicit File(std::filesystem::path folder) : path_(std::move(folder) / "agent.db") {}

  Result<StoredState> load() {
    StoredState state;
    auto opened = open();
    if (!opened.ok() && opened.error().code == Code::internal) {
      DROVER_TRY(move_aside(opened.error(), state));
      opened = open();
    }
    if (!opened.ok()) return opened.error();
    auto read = read_all(state);
    if (!read.ok() && read.error().code == Code::internal) {
      close();
      StoredState fresh;
      DROVER_TRY(move_aside(read.error(), fresh));
      DROVER_TRY(open());
      return fresh;
    }
    if (!read.ok()) return read.error();
    return state;
  }

  Result<void> write(const std::vector<Write>& writes) {
    if (!database_) return fail(Code::unavailable, "the agent's store {} is not open", path_.string());
    return database_->transaction([&]() -> Result<void> {
      for (const Write& one : writes) DROVER_TRY(apply(one));
      return {};
    });
  }

  void close() {
    statements_.reset();
    database_.reset();
  }

 private:
  struct Statements {
    sqlite::Statement put_meta, put_alloc, put_task, forget_alloc, forget_tasks;
  };

  Result<void> open() {
    close();
    DROVER_LET(database_, sqlite::Database::open(path_, {.application_id = application_id, .version_max = format_version, .cure = "move the file away; tasks that run are then unknown to this agent"}));
    for (const char* table : schema) DROVER_TRY(database_->run(table));
    if (database_->version() == 0) DROVER_TRY(database_->set_version(format_version));
    DROVER_LET(auto put_meta, database_->prepare("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)"));
    DROVER_LET(auto put_alloc, database_->prepare("INSERT OR REPLACE INTO allocs VALUES (?, ?, ?)"));
    DROVER_LET(auto put_task, database_->prepare("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?)"));
    DROVER_LET(auto forget_alloc, database_->prepare("DELETE FROM allocs WHERE key = ?"));
    DROVER_LET(auto forget_tasks, database_->prepare("DELETE FROM tasks WHERE key = ?"));
    statements_.reset(new Statements{std::move(put_meta), std::move(put_alloc), std::move(put_task), std::move(forget_alloc), std::move(forget_tasks)});
    return {};
  }

  Result<void> apply(const Write& one) {
    Statements& s = *statements_;
    const std::int64_t sum = sum_of(one.key, one.task, one.bytes);
    switch (one.table) {
      case Write::Table::meta: return s.put_meta.bind(0, one.key).bind(1, one.bytes).bind(2, sum).run();
      case Write::Table::allocs: return s.put_alloc.bind(0, one.key).bind(1, one.bytes).bind(2, sum).run();
      case Write::Table::tasks: return s.put_task.bind(0, one.key).bind(1, one.task).bind(2, one.bytes).bind(3, sum).run();
      case Write::Table::forget:
        DROVER_TRY(s.forget_alloc.bind(0, one.key).run());
        return s.forget_tasks.bind(0, one.key).run();
    }
    return {};
  }

  /// Calls `take(key, task, bytes)` for each whole row; others are losses.
  template <class Take>
  Result<void> each(const char* sql, StoredState& state, Take take) {
    DROVER_LET(auto rows, database_->prepare(sql));
    for (;;) {
      DROVER_LET(const bool there, rows.step());
      if (!there) return {};
      const std::string key(rows.bytes(0)), task(rows.bytes(1)), bytes(rows.bytes(2));
      const bool whole = sum_of(key, task, bytes) == rows.integer(3);
      if (!whole || !take(key, task, bytes))
        state.losses.push_back(text("{}: the record of '{}{}{}' is damaged and was left out", path_.string(), key, task.empty() ? "" : "/", task));
    }
  }

  Result<void> read_all(StoredState& state) {
    DROVER_TRY(each("SELECT key, x'', bytes, sum FROM meta", state, [&state](const std::string& key, const std::string&, const std::string& bytes) {
      if (key == "node") {
        record::Node node;
        if (!node.ParseFromString(bytes)) return false;
        state.node = StoredNode{node.id(), node.secret_id()};
        return true;
      }
      record::Meta meta;
      if (!meta.ParseFromString(bytes)) return false;
      state.dynamic_meta = std::map<std::string, std::string>(meta.values().begin(), meta.values().end());
      return true;
    }));
    DROVER_TRY(each("SELECT key, x'', bytes, sum FROM allocs ORDER BY key", state, [&state](const std::string& key, const std::string&, const std::string& bytes) {
      auto alloc = std::make_shared<model::Allocation>();
      if (!alloc->ParseFromString(bytes)) return false;
      state.allocs[key].alloc = std::move(alloc);
      return true;
    }));
    return each("SELECT key, task, bytes, sum FROM tasks ORDER BY key, task", state, [&state](const std::string& key, const std::string& task, const std::string& bytes) {
      auto stored = from_record(bytes);
      const auto alloc = state.allocs.find(key);
      if (!stored.ok() || alloc == state.allocs.end()) return false;
      alloc->second.tasks[task] = std::move(*stored);
      return true;
    });
  }

  Result<void> move_aside(const Error& why, StoredState& state) {
    close();
    std::error_code problem;
    for (int n = 1; n <= damaged_files_max; ++n) {
      const std::filesystem::path aside = path_.string() + ".damaged-" + std::to_string(n);
      if (std::filesystem::exists(aside)) continue;
      std::filesystem::rename(path_, aside, problem);
      if (problem) return fail(Code::internal, "move {} away: {}", path_.string(), problem.message());
      for (const char* suffix : {"-wal", "-shm"}) std::filesystem::rename(path_.string() + suffix, aside.string() + suffix, problem);
      state.losses.push_back(text("{}; it was moved to {} and a new one begun: what this agent knew of its tasks is lost", why.message, aside.string()));
      return {};
    }
    return fail(Code::exhausted, "{} is damaged, and {} damaged ones lie beside it: remove them", path_.string(), damaged_files_max);
  }

  std::filesystem::path path_;
  std::unique_ptr<sqlite::Database> database_;
  std::unique_ptr<Statements> statements_;  // after the database: they go first
};

/// Writes that share a transaction, and what became of it.
struct SqliteAgentStore::Batch {
  std::vector<Write> writes;
  std::optional<Result<void>> outcome;
};

SqliteAgentStore::SqliteAgentStore(Loop& loop, std::filesystem::path folder)
    : loop_(loop), file_(std::make_shared<File>(std::move(folder))), gathering_(std::make_shared<Batch>()), flushed_(loop), thread_(1) {}

SqliteAgentStore::~SqliteAgentStore() = default;

Async<Result<StoredState>> SqliteAgentStore::load() {
  std::function<Result<StoredState>()> read = [file = file_] { return file->load(); };
  Result<Result<StoredState>> state = co_await run_on_pool<Result<StoredState>>(thread_, loop_, std::move(read));
  if (!state.ok()) co_return std::move(state).error();
  co_return std::move(*state);
}

Async<Result<void>> SqliteAgentStore::save(Write write) {
  const std::shared_ptr<Batch> batch = gathering_;
  batch->writes.push_back(std::move(write));
  while (!batch->outcome) {
    // With no owner: a caller that is cancelled must not take the writes of others with it.
    if (!flushing_) start(loop_, flush());
    flushing_ = true;
    const bool woken = co_await flushed_.wait();
    if (!woken) co_return fail(Code::cancelled, "the wait for the agent's store was cancelled");
  }
  co_return *batch->outcome;
}

/// Writes what has gathered; what comes meanwhile gathers for the next transaction.
Async<void> SqliteAgentStore::flush() {
  const std::shared_ptr<Batch> batch = std::exchange(gathering_, std::make_shared<Batch>());
  std::function<Result<void>()> work = [file = file_, batch] { return file->write(batch->writes); };
  Result<Result<void>> done = co_await run_on_pool<Result<void>>(thread_, loop_, std::move(work));
  batch->outcome = done.ok() ? std::move(*done) : Result<void>(std::move(done).error());
  flushing_ = false;
  flushed_.notify();
}

Async<Result<void>> SqliteAgentStore::save_node(StoredNode node) {
  record::Node out;
  out.set_id(node.id);
  out.set_secret_id(node.secret_id);
  return save({Write::Table::meta, "node", "", out.SerializeAsString()});
}

Async<Result<void>> SqliteAgentStore::save_alloc(std::shared_ptr<const model::Allocation> alloc) {
  return save({Write::Table::allocs, alloc->id(), "", alloc->SerializeAsString()});
}

Async<Result<void>> SqliteAgentStore::save_task(std::string alloc_id, std::string task, StoredTask stored) {
  return save({Write::Table::tasks, std::move(alloc_id), std::move(task), to_record(stored)});
}

Async<Result<void>> SqliteAgentStore::forget_alloc(std::string alloc_id) { return save({Write::Table::forget, std::move(alloc_id), "", ""}); }

Async<Result<void>> SqliteAgentStore::save_dynamic_meta(std::map<std::string, std::string> meta) {
  record::Meta out;
  for (const auto& [key, value] : meta) (*out.mutable_values())[key] = value;
  return save({Write::Table::meta, "meta", "", out.SerializeAsString()});
}

}  // namespace drover::agent
