#include "agent/store/sqlite_store.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>

#include "agent/testing/fixtures.h"
#include "base/loop/start.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/task_state.pb.h"

namespace drover::agent {
namespace {

/// A store in a folder of its own, on a virtual loop: a worker's job is a turn of it.
struct Fixture {
  Fixture() {
    std::string name = (std::filesystem::temp_directory_path() / "drover-store-XXXXXX").string();
    folder = ::mkdtemp(name.data());
    open();
  }
  ~Fixture() {
    store.reset();
    std::filesystem::remove_all(folder);
  }

  void open() {
    store.reset();
    Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(loop, workers, folder / "client");
    REQUIRE(opened);
    store = std::move(opened).value();
  }
  StoredState load() { return run(time, loop, store->load()).value(); }
  void save_alloc(const std::string& id) {
    REQUIRE(run(time, loop, store->save_alloc(make_alloc({}, id))));
    StoredTask task;
    auto state = std::make_shared<model::TaskState>();
    state->set_state("running");
    task.state = state;
    task.driver = "raw_exec";
    REQUIRE(run(time, loop, store->save_task(id, "server", task)));
  }
  std::filesystem::path file() const { return folder / "client" / "agent.db"; }

  std::filesystem::path folder;
  VirtualTime time;
  VirtualLoop loop{time};
  LoopWorkers workers{loop};
  std::unique_ptr<SqliteStore> store;
};

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void spill(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

TEST_CASE("what was saved is there after the store is opened again", "[agent]") {
  Fixture f;
  REQUIRE(run(f.time, f.loop, f.store->save_node({"id-1", "secret-1"})));
  f.save_alloc("alloc-1");
  f.save_alloc("alloc-2");
  REQUIRE(run(f.time, f.loop, f.store->save_dynamic_meta({{"k", "v"}})));
  REQUIRE(run(f.time, f.loop, f.store->forget_alloc("alloc-2")));
  f.open();

  const StoredState state = f.load();
  CHECK(state.node->id == "id-1");
  CHECK(state.node->secret_id == "secret-1");
  CHECK(state.dynamic_meta.at("k") == "v");
  REQUIRE(state.allocs.size() == 1);
  CHECK(state.allocs.at("alloc-1").alloc->job().id() == "web");
  CHECK(state.allocs.at("alloc-1").tasks.at("server").driver == "raw_exec");
  CHECK(state.losses.empty());
}

TEST_CASE("forgetting an allocation leaves those whose id begins alike", "[agent]") {
  Fixture f;
  f.save_alloc("a");
  f.save_alloc("ab");
  REQUIRE(run(f.time, f.loop, f.store->forget_alloc("a")));
  CHECK(f.load().allocs.contains("ab"));
}

TEST_CASE("writes asked for at the same time share a transaction and are all durable", "[agent]") {
  Fixture f;
  int done = 0;
  for (int i = 0; i < 50; ++i) {
    start<Result<void>>(f.loop, f.store->save_alloc(make_alloc({}, "alloc-" + std::to_string(i))),
                        [&done](const Result<void>& saved) { done += saved.ok() ? 1 : 0; });
  }
  f.time.run_until_idle();
  CHECK(done == 50);
  f.open();
  CHECK(f.load().allocs.size() == 50);
}

TEST_CASE("a file that is no store is moved aside, named, and the agent goes on as the same node", "[agent]") {
  Fixture f;
  REQUIRE(run(f.time, f.loop, f.store->save_node({"id-1", "secret-1"})));
  f.store.reset();
  std::filesystem::remove(f.file().string() + "-wal");
  spill(f.file(), std::string(8192, 'x'));
  f.open();

  const StoredState state = f.load();
  CHECK(state.allocs.empty());
  CHECK(state.node->id == "id-1");
  REQUIRE(state.losses.size() == 1);
  CHECK(state.losses[0].find("agent.db.damaged-1") != std::string::npos);
  CHECK(std::filesystem::exists(f.file().string() + ".damaged-1"));
  f.save_alloc("new");
  CHECK(f.load().allocs.size() == 1);
}

TEST_CASE("a record with flipped bits is left out and named, the others stand", "[agent]") {
  Fixture f;
  f.save_alloc("alloc-1");
  f.save_alloc("alloc-2");
  f.store.reset();
  std::string bytes = slurp(f.file());
  // The name of alloc-2's job group inside its record: the page stays a good one.
  const auto record = bytes.find("alloc/alloc-2");
  REQUIRE(record != std::string::npos);
  const auto at = bytes.find("web.api[0]", record);
  REQUIRE(at != std::string::npos);
  bytes[at] ^= 0x40;
  spill(f.file(), bytes);
  f.open();

  const StoredState state = f.load();
  CHECK(state.allocs.contains("alloc-1"));
  CHECK_FALSE(state.allocs.contains("alloc-2"));
  REQUIRE(state.losses.size() == 2);
  CHECK(state.losses[0].find("alloc/alloc-2") != std::string::npos);
}

TEST_CASE("flipping any byte of the store never keeps the agent from opening it", "[agent]") {
  Fixture f;
  for (int i = 0; i < 20; ++i) f.save_alloc("alloc-" + std::to_string(i));
  f.store.reset();
  const std::string good = slurp(f.file());
  const std::size_t step = std::max<std::size_t>(1, good.size() / 40);
  for (std::size_t at = 0; at < good.size(); at += step) {
    CAPTURE(at);
    std::string bytes = good;
    bytes[at] ^= 0x55;
    spill(f.file(), bytes);
    f.open();
    static_cast<void>(f.load());
    f.save_alloc("after");
    CHECK(f.load().allocs.contains("after"));
    f.store.reset();
    std::filesystem::remove_all(f.folder / "client");
    std::filesystem::create_directories(f.folder / "client");
  }
}

TEST_CASE("whatever becomes of the log of a killed store, what is not there any more is told", "[agent]") {
  Fixture source, f;
  for (int i = 0; i < 10; ++i) source.save_alloc("alloc-" + std::to_string(i));
  const std::string file = slurp(source.file()), log = slurp(source.file().string() + "-wal");
  REQUIRE(log.size() > 20000);
  const auto reopened = [&f, &file](const std::string& damaged) {
    f.store.reset();
    std::filesystem::remove_all(f.folder / "client");
    std::filesystem::create_directories(f.folder / "client");
    spill(f.file(), file);
    spill(f.file().string() + "-wal", damaged);
    f.open();
    return f.load();
  };
  const auto is_whole = [](const StoredState& state) {
    for (const auto& [id, alloc] : state.allocs) {
      if (alloc.tasks.size() != 1) return false;
    }
    return state.allocs.size() == 10;
  };
  CHECK(reopened(log).losses.empty());
  CHECK(is_whole(reopened(log)));
  int told = 0;
  for (std::size_t at = 0; at < log.size(); at += at < 60 ? 1 : 997) {
    for (const bool cut : {false, true}) {
      CAPTURE(at, cut);
      std::string damaged = log;
      if (cut) damaged.resize(at);
      else damaged[at] ^= 0x10;
      const StoredState state = reopened(damaged);
      const bool said = !state.losses.empty();
      const bool is_between = at == 0 || at == 32;  // nothing tells a log cut there from a shorter one
      const bool fine = said || is_whole(state) || (cut && is_between);
      CHECK(fine);
      told += said ? 1 : 0;
    }
  }
  CHECK(told > 50);
}

TEST_CASE("a second agent with the same folder is refused by name", "[agent]") {
  Fixture f;
  const auto second = SqliteStore::open(f.loop, f.workers, f.folder / "client");
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::conflict);
}

}  // namespace drover::agent
