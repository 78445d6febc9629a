#include "agent/alloc/environment.h"

#include <catch2/catch.hpp>

#include "agent/testing/fixtures.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

struct Made {
  explicit Made(const std::function<void(model::Allocation&, model::TaskGroup&)>& change = {})
      : alloc(make_alloc(change)), node(make_node()) {
    settings.task_base_env = {{"PATH", "/bin"}, {"LANG", "C"}};
  }
  Texts env(FsIsolation isolation = FsIsolation::none) {
    const model::TaskGroup& group = alloc->job().task_groups(0);
    return task_environment({*alloc,
                             group,
                             group.tasks(0),
                             *node,
                             settings,
                             {"/a", "/a/alloc", "/a/alloc/logs"},
                             {"/a/server", "/a/server/local", "/a/server/secrets", "/a/server/tmp"},
                             isolation});
  }
  std::shared_ptr<const model::Allocation> alloc;
  std::shared_ptr<const model::Node> node;
  Settings settings;
};

}  // namespace

TEST_CASE("a task learns who and where it is", "[agent]") {
  Made made;
  const Texts env = made.env();
  CHECK(env.at("NOMAD_ALLOC_ID") == test_alloc_id);
  CHECK(env.at("NOMAD_SHORT_ALLOC_ID") == "aaaaaaaa");
  CHECK(env.at("NOMAD_ALLOC_NAME") == "web.api[0]");
  CHECK(env.at("NOMAD_ALLOC_INDEX") == "0");
  CHECK(env.at("NOMAD_TASK_NAME") == "server");
  CHECK(env.at("NOMAD_GROUP_NAME") == "api");
  CHECK(env.at("NOMAD_JOB_ID") == "web");
  CHECK(env.at("NOMAD_DC") == "dc1");
  CHECK(env.at("NOMAD_REGION") == "global");
  CHECK(env.at("NOMAD_NAMESPACE") == "default");
  CHECK(env.at("NOMAD_TASK_DIR") == "/a/server/local");
  CHECK(env.at("PATH") == "/bin");
  CHECK_FALSE(env.contains("NOMAD_CPU_CORES"));
}

TEST_CASE("inside an image the folders have fixed names and the agent's environment is not seen", "[agent]") {
  Made made;
  const Texts env = made.env(FsIsolation::image);
  CHECK(env.at("NOMAD_ALLOC_DIR") == "/alloc");
  CHECK(env.at("NOMAD_SECRETS_DIR") == "/secrets");
  CHECK_FALSE(env.contains("PATH"));
}

TEST_CASE("limits, cores and ports are told", "[agent]") {
  Made made([](model::Allocation& alloc, auto&) {
    auto& task = (*alloc.mutable_allocated_resources()->mutable_tasks())["server"];
    task.mutable_cpu()->set_cpu_shares(500);
    for (const std::uint64_t core : {3, 4, 5, 7}) task.mutable_cpu()->add_reserved_cores(core);
    task.mutable_memory()->set_memory_mb(256);
    auto& port = *alloc.mutable_allocated_resources()->mutable_shared()->add_ports();
    port.set_label("http-in");
    port.set_value(23456);
    port.set_to(8080);
    port.set_host_ip("::1");
  });
  const Texts env = made.env();
  CHECK(env.at("NOMAD_CPU_LIMIT") == "500");
  CHECK(env.at("NOMAD_CPU_CORES") == "3-5,7");
  CHECK(env.at("NOMAD_MEMORY_LIMIT") == "256");
  CHECK_FALSE(env.contains("NOMAD_MEMORY_MAX_LIMIT"));
  CHECK(env.at("NOMAD_PORT_http_in") == "8080");
  CHECK(env.at("NOMAD_HOST_PORT_http_in") == "23456");
  CHECK(env.at("NOMAD_ADDR_http_in") == "[::1]:23456");
}

TEST_CASE("meta of the task wins over the group's over the job's, in two spellings", "[agent]") {
  Made made([](model::Allocation& alloc, model::TaskGroup& group) {
    (*alloc.mutable_job()->mutable_meta())["color"] = "red";
    (*alloc.mutable_job()->mutable_meta())["team"] = "a";
    (*group.mutable_meta())["color"] = "green";
    (*group.mutable_tasks(0)->mutable_meta())["color"] = "blue-${attr.kernel.name}";
    group.mutable_tasks(0)->mutable_meta()->insert({"my-key", "v"});
  });
  const Texts env = made.env();
  CHECK(env.at("NOMAD_META_color") == "blue-linux");
  CHECK(env.at("NOMAD_META_COLOR") == "blue-linux");
  CHECK(env.at("NOMAD_META_team") == "a");
  CHECK(env.at("NOMAD_META_MY_KEY") == "v");
  CHECK(env.at("NOMAD_META_my_key") == "v");
}

TEST_CASE("a task's own variables win, refer to what was there before, and not to each other", "[agent]") {
  Made made([](auto&, model::TaskGroup& group) {
    auto& env = *group.mutable_tasks(0)->mutable_env();
    env["PATH"] = "/opt:${PATH}";
    env["A"] = "1";
    env["B"] = "${A}-${NOMAD_TASK_NAME}-${meta.rack}";
  });
  const Texts env = made.env();
  CHECK(env.at("PATH") == "/opt:/bin");
  CHECK(env.at("B") == "${A}-server-r1");
}

}  // namespace drover::agent
