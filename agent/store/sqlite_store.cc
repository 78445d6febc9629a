#include "agent/store/sqlite_store.h"

#include <optional>

#include "agent/store/stored.pb.h"
#include "agent/store/stored_task.h"
#include "base/loop/signal.h"
#include "model/proto/alloc.pb.h"

namespace drover::agent {
namespace {

using Kind = StoreChange::Kind;

std::vector<StoreChange> put(std::string key, std::string body) {
  std::vector<StoreChange> changes;
  changes.push_back({Kind::put, std::move(key), std::move(body)});
  return changes;
}

}  // namespace

/// What is written in one transaction, and who waits for it.
struct SqliteStore::Batch {
  explicit Batch(Loop& loop) : done(loop) {}
  std::vector<StoreChange> changes;
  std::optional<Result<void>> result;
  Signal done;
};

/// Shared with the write that runs; its file is touched by that write only, the rest on the loop.
struct SqliteStore::State : std::enable_shared_from_this<State> {
  State(Loop& its_loop, Workers& its_workers, std::unique_ptr<StoreFile> its_file)
      : loop(its_loop), workers(its_workers), file(std::move(its_file)) {}

  void write_next() {
    writing = std::move(next);
    next.reset();
    std::function<void()> job = [self = shared_from_this(), batch = writing] {
      auto result = std::make_shared<Result<void>>(self->file->write(batch->changes));
      self->loop.post([self, batch, result] { self->finish(batch, *result); });
    };
    const Result<void> taken = workers.submit(std::move(job));
    if (!taken) finish(writing, taken.error());
  }

  void finish(const std::shared_ptr<Batch>& batch, const Result<void>& result) {
    batch->result = result;
    batch->done.notify();
    writing.reset();
    if (next) write_next();
  }

  Loop& loop;
  Workers& workers;
  std::unique_ptr<StoreFile> file;
  std::shared_ptr<Batch> next;
  std::shared_ptr<Batch> writing;
};

SqliteStore::SqliteStore(Loop& loop, Workers& workers, std::unique_ptr<StoreFile> file)
    : state_(std::make_shared<State>(loop, workers, std::move(file))) {}

SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(Loop& loop, Workers& workers, std::filesystem::path folder) {
  DROVER_LET(std::unique_ptr<StoreFile> file, StoreFile::open(std::move(folder)));
  return std::unique_ptr<SqliteStore>(new SqliteStore(loop, workers, std::move(file)));
}

Async<Result<StoredState>> SqliteStore::load() {
  std::function<Result<StoredState>()> work = [state = state_] { return state->file->load(); };
  Result<Result<StoredState>> loaded =
      co_await run_on_pool<Result<StoredState>>(state_->workers, state_->loop, std::move(work));
  if (!loaded) co_return std::move(loaded).error();
  co_return std::move(loaded).value();
}

Async<Result<void>> SqliteStore::save(std::vector<StoreChange> changes) {
  const std::shared_ptr<State> state = state_;
  if (!state->next) state->next = std::make_shared<Batch>(state->loop);
  const std::shared_ptr<Batch> batch = state->next;
  for (StoreChange& change : changes) batch->changes.push_back(std::move(change));
  if (!state->writing) state->write_next();
  while (!batch->result) {
    const bool woken = co_await batch->done.wait();
    if (!woken) co_return fail(Code::cancelled, "nobody waits for the write any more");
  }
  co_return *batch->result;
}

Async<Result<void>> SqliteStore::save_node(StoredNode node) {
  stored::Node record;
  record.set_id(node.id);
  record.set_secret_id(node.secret_id);
  co_return co_await save(put("node", record.SerializeAsString()));
}

Async<Result<void>> SqliteStore::save_alloc(std::shared_ptr<const model::Allocation> alloc) {
  co_return co_await save(put("alloc/" + alloc->id(), alloc->SerializeAsString()));
}

Async<Result<void>> SqliteStore::save_task(std::string alloc_id, std::string task, StoredTask stored) {
  co_return co_await save(put("task/" + alloc_id + "/" + task, write_stored_task(stored)));
}

Async<Result<void>> SqliteStore::forget_alloc(std::string alloc_id) {
  std::vector<StoreChange> changes;
  changes.push_back({Kind::erase, "alloc/" + alloc_id, ""});
  changes.push_back({Kind::erase_below, "task/" + alloc_id + "/", ""});
  co_return co_await save(std::move(changes));
}

Async<Result<void>> SqliteStore::save_dynamic_meta(std::map<std::string, std::string> meta) {
  stored::Meta record;
  for (const auto& [name, value] : meta) {
    stored::Pair& pair = *record.add_entries();
    pair.set_name(name);
    pair.set_value(value);
  }
  co_return co_await save(put("meta", record.SerializeAsString()));
}

}  // namespace drover::agent
