#include "agent/alloc/task_config.h"

#include <catch2/catch.hpp>

#include "agent/testing/fixtures.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

Result<TaskConfig> make(const std::function<void(model::Allocation&, model::TaskGroup&)>& change) {
  const auto alloc = make_alloc(change);
  const auto node = make_node();
  const Settings settings;
  const model::TaskGroup& group = alloc->job().task_groups(0);
  return make_task_config(
      {*alloc, group, group.tasks(0), *node, settings, {"/a", "/a/alloc", "/a/alloc/logs"}, {}, FsIsolation::none},
      make_task_id(alloc->id(), "server", 0xabcdef0123456789), {"/o", "/e"});
}

}  // namespace

TEST_CASE("a driver is told the task's config with its references resolved, its resources and paths", "[agent]") {
  const Result<TaskConfig> config = make([](model::Allocation& alloc, model::TaskGroup& group) {
    group.mutable_tasks(0)->set_config(R"({"command": "/bin/${NOMAD_TASK_NAME}", "n": 1})");
    auto& task = (*alloc.mutable_allocated_resources()->mutable_tasks())["server"];
    task.mutable_cpu()->set_cpu_shares(400);
    task.mutable_memory()->set_memory_mb(64);
    task.mutable_memory()->set_memory_max_mb(96);
  });

  REQUIRE(config);
  CHECK(config->id == std::string(test_alloc_id) + "/server/23456789");
  CHECK(*config->config.find("command") == Value("/bin/server"));
  CHECK(*config->config.find("n") == Value(1));
  CHECK(config->alloc_dir == "/a");
  CHECK(config->stdout_path == "/o");
  CHECK(config->resources.memory_limit_bytes == 96 * 1024 * 1024);
  CHECK(config->resources.percent_ticks == Approx(0.1));
}

TEST_CASE("an empty config is an empty object, a list is refused", "[agent]") {
  CHECK(make([](auto&, auto& group) { group.mutable_tasks(0)->set_config(""); })->config == Value::map());
  CHECK(make([](auto&, auto& group) { group.mutable_tasks(0)->set_config("[]"); }).error().message ==
        "config is a list, not a map");
}

}  // namespace drover::agent
