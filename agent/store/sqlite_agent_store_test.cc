#include "agent/store/sqlite_agent_store.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>

#include "base/loop/random.h"
#include "base/loop/start.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/task_state.pb.h"

using namespace drover;
using namespace drover::agent;

namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/drover-store-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

StoredTask sample_task() {
  StoredTask task;
  auto state = std::make_shared<model::TaskState>();
  state->set_state("running");
  task.state = state;
  task.driver = "raw_exec";
  task.attempts = 2;
  TaskHandle handle;
  handle.version = 3;
  handle.driver_state = std::string("\0\1bytes", 7);
  handle.config.id = "a/t/1";
  handle.config.env = {{"A", "1"}, {"B", ""}};
  handle.config.config.set("command", "/bin/sleep").set("n", 5).set("x", 1.5);
  handle.config.resources.ports = {{"http", 20000, 80, "127.0.0.1"}};
  handle.config.mounts = {{"/in", "/out", true, "private", ""}};
  handle.config.dns = TaskDns{{"1.1.1.1"}, {}, {"ndots:1"}};
  task.handle = handle;
  return task;
}

std::shared_ptr<model::Allocation> sample_alloc(const std::string& id) {
  auto alloc = std::make_shared<model::Allocation>();
  alloc->set_id(id);
  alloc->mutable_job()->set_id("job");
  return alloc;
}

StoredState load(SqliteAgentStore& store, RealLoop& loop) { return run<Result<StoredState>>(loop, store.load()).value(); }

void save_some(const std::filesystem::path& path, int allocs) {
  RealLoop loop;
  SqliteAgentStore store(loop, path);
  load(store, loop);
  REQUIRE(run<Result<void>>(loop, store.save_node({"id", "secret"})).ok());
  for (int n = 0; n < allocs; ++n) {
    const std::string id = "alloc-" + std::to_string(n);
    REQUIRE(run<Result<void>>(loop, store.save_alloc(sample_alloc(id))).ok());
    REQUIRE(run<Result<void>>(loop, store.save_task(id, "t", sample_task())).ok());
  }
}

}  // namespace

TEST_CASE("what was saved is there for the next agent, handles whole") {
  Folder folder;
  save_some(folder.path, 1);
  RealLoop loop;
  SqliteAgentStore store(loop, folder.path);

  const StoredState state = load(store, loop);

  CHECK(state.losses.empty());
  CHECK(state.node->secret_id == "secret");
  REQUIRE(state.allocs.count("alloc-0") == 1);
  const StoredTask& task = state.allocs.at("alloc-0").tasks.at("t");
  CHECK(*task.handle == *sample_task().handle);
  CHECK(task.attempts == 2);
  CHECK(task.state->state() == "running");
}

TEST_CASE("a forgotten allocation takes its tasks with it") {
  Folder folder;
  save_some(folder.path, 2);
  RealLoop loop;
  SqliteAgentStore store(loop, folder.path);
  load(store, loop);

  REQUIRE(run<Result<void>>(loop, store.forget_alloc("alloc-0")).ok());

  SqliteAgentStore again(loop, folder.path);
  const StoredState state = load(again, loop);
  CHECK(state.allocs.size() == 1);
  CHECK(state.allocs.count("alloc-1") == 1);
}

TEST_CASE("writes at the same time all become durable") {
  Folder folder;
  RealLoop loop;
  SqliteAgentStore store(loop, folder.path);
  load(store, loop);
  int saved = 0;

  for (int n = 0; n < 50; ++n) {
    std::function<void(Result<void>)> count = [&saved](Result<void> result) { saved += result.ok() ? 1 : 0; };
    start<Result<void>>(loop, store.save_alloc(sample_alloc("alloc-" + std::to_string(n))), count);
  }
  REQUIRE(run<Result<void>>(loop, store.save_alloc(sample_alloc("last"))).ok());

  CHECK(saved == 50);
  SqliteAgentStore again(loop, folder.path);
  CHECK(load(again, loop).allocs.size() == 51);
}

TEST_CASE("a file that is no store is moved aside, and the agent says so") {
  Folder folder;
  std::ofstream(folder.path / "agent.db") << std::string(10000, 'x');
  RealLoop loop;
  SqliteAgentStore store(loop, folder.path);

  const StoredState state = load(store, loop);

  REQUIRE(state.losses.size() == 1);
  CHECK(state.losses[0].find("agent.db.damaged-1") != std::string::npos);
  CHECK(std::filesystem::exists(folder.path / "agent.db.damaged-1"));
  CHECK(run<Result<void>>(loop, store.save_node({"id", "secret"})).ok());
}

TEST_CASE("whatever bits are flipped, the agent starts and tells what it lost") {
  Folder folder;
  save_some(folder.path, 20);
  const auto path = folder.path / "agent.db";
  std::ifstream in(path, std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(in), {});
  SeededRandom random(11);

  for (int round = 0; round < 40; ++round) {
    std::string bytes = whole;
    for (int flip = 0; flip < 6; ++flip) bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
    for (const char* extra : {"-wal", "-shm"}) std::filesystem::remove(path.string() + extra);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    RealLoop loop;
    SqliteAgentStore store(loop, folder.path);

    const Result<StoredState> state = run<Result<StoredState>>(loop, store.load());

    REQUIRE(state.ok());
    std::size_t known = 0;
    for (const auto& [id, alloc] : state->allocs) known += alloc.tasks.size();
    CHECK((known == 20 || !state->losses.empty()));
    for (int n = 1; n <= 100; ++n) std::filesystem::remove(path.string() + ".damaged-" + std::to_string(n));
  }
}
