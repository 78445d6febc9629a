#include "agent/store/stored_task.h"

#include <catch2/catch.hpp>

#include "model/proto/task_state.pb.h"

namespace drover::agent {

TEST_CASE("all that a driver was told of a task comes back from disk", "[agent]") {
  auto state = std::make_shared<model::TaskState>();
  state->set_state("running");
  state->set_restarts(2);
  TaskHandle handle;
  handle.driver_state = std::string("\0\xff binary", 9);
  TaskConfig& config = handle.config;
  config.id = "a/b/c";
  config.name = "b";
  config.alloc_id = "a";
  config.group = "g";
  config.job_id = "j";
  config.job_name = "jn";
  config.job_parent_id = "jp";
  config.job_namespace = "ns";
  config.node_id = "n";
  config.node_name = "nn";
  config.user = "u";
  config.alloc_dir = "/a";
  config.stdout_path = "/o";
  config.stderr_path = "/e";
  config.config.set("args", Value(Value::List{"x", 1, 1.0, true, nullptr}));
  config.env = {{"A", "1"}, {"B", "\xff"}};
  config.device_env = {{"D", "2"}};
  config.resources = {500, 64, 96, 100663296, 0.125, "1-2", "/sys/x", {{"http", 1, 2, "127.0.0.1"}}};
  config.mounts = {{"/t", "/h", true, "private", "z"}};
  config.devices = {{"/dev/a", "/dev/b", "rw"}};
  config.dns = TaskDns{{"1.1.1.1"}, {"example"}, {"ndots:2"}};
  config.network = NetworkIsolation{NetworkMode::group, "/var/run/netns/a", {{"sandbox", "c"}}, "web", "10.0.0.2"};
  StoredTask task{state, handle, "raw_exec", 3, from_ns(99)};
  task.restart_wanted = true;

  const Result<StoredTask> back = read_stored_task(write_stored_task(task));

  REQUIRE(back);
  CHECK(*back->handle == handle);
  CHECK(back->state->restarts() == 2);
  CHECK(back->driver == "raw_exec");
  CHECK(back->attempts == 3);
  CHECK(back->interval_start == from_ns(99));
  CHECK(back->restart_wanted);
  CHECK_FALSE(back->restart_counts);
}

TEST_CASE("bytes that are no record are an error", "[agent]") { CHECK_FALSE(read_stored_task("\xff\xff\xff")); }

}  // namespace drover::agent
