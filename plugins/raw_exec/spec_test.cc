#include "plugins/raw_exec/spec.h"

#include <catch2/catch.hpp>

using namespace drover;
using namespace drover::raw_exec;

namespace {

constexpr std::int64_t mib = 1024 * 1024;

sdk::TaskConfig a_task() {
  sdk::TaskConfig task;
  task.id = "0f/web/1234abcd";
  task.name = "web";
  task.alloc_id = "0f";
  task.alloc_dir = "/allocs/0f";
  task.env = {{"A", "1"}, {"AWS_KEY", "secret"}, {"SECRET_B", "2"}};
  task.resources.memory_mb = 100;
  task.resources.cpu_mhz = 500;
  return task;
}

Options run_it() {
  Options options;
  options.command = "app";
  return options;
}

}  // namespace

TEST_CASE("a task starts in its folder, its command is looked for there first", "[raw_exec]") {
  Host host;
  host.path = "/usr/bin::/bin";
  const auto spec = make_spec(a_task(), run_it(), {}, host);

  CHECK(spec.cwd == "/allocs/0f/web");
  CHECK(spec.umask == 022u);
  CHECK(spec.search_path == std::vector<std::string>{"/allocs/0f/web/local", "/allocs/0f/web", "/usr/bin", "/bin"});
  CHECK(spec.state_dir == "/allocs/0f/web/private/raw_exec/1234abcd");

  Options nested = run_it();
  nested.command = "bin/app";
  CHECK(make_spec(a_task(), nested, {}, host).search_path.size() == 2);
}

TEST_CASE("denied variables do not reach the task", "[raw_exec]") {
  Options options = run_it();
  options.denied_envvars = {"AWS_*"};
  PluginOptions plugin;
  plugin.denied_envvars = {"*_B"};

  CHECK(make_spec(a_task(), options, plugin, {}).env == std::vector<std::pair<std::string, std::string>>{{"A", "1"}});
}

TEST_CASE("a star in a pattern stands for any text", "[raw_exec]") {
  CHECK(matches("A", "A"));
  CHECK_FALSE(matches("A", "AB"));
  CHECK(matches("*", ""));
  CHECK(matches("A*B*C", "AxxBC"));
  CHECK_FALSE(matches("A*B", "AxxBC"));
  CHECK(matches("*TOKEN", "MY_TOKEN"));
}

TEST_CASE("memory is limited as the job says", "[raw_exec]") {
  sdk::TaskConfig task = a_task();
  CHECK(make_spec(task, run_it(), {}, {}).limits.memory_bytes == 100 * mib);
  CHECK(make_spec(task, run_it(), {}, {}).limits.memory_reserve_bytes == 0);

  task.resources.memory_max_mb = 300;
  CHECK(make_spec(task, run_it(), {}, {}).limits.memory_bytes == 300 * mib);
  CHECK(make_spec(task, run_it(), {}, {}).limits.memory_reserve_bytes == 100 * mib);

  task.resources.memory_max_mb = -1;
  CHECK(make_spec(task, run_it(), {}, {}).limits.memory_bytes == 0);
  CHECK(make_spec(task, run_it(), {}, {}).limits.memory_reserve_bytes == 100 * mib);
}

TEST_CASE("the control group has the name that monitoring knows", "[raw_exec]") {
  Host v1, v2;
  v1.cgroups = sdk::CgroupLayout::v1;
  v2.cgroups = sdk::CgroupLayout::v2;
  sdk::TaskConfig task = a_task();

  CHECK(make_spec(task, run_it(), {}, v1).cgroup.path == "nomad/0f.web");
  CHECK(make_spec(task, run_it(), {}, v2).cgroup.path == "nomad.slice/share.slice/0f.web.scope");

  task.resources.cpuset_cgroup = "/sys/fs/cgroup/nomad.slice/reserve.slice/0f.web.scope";
  CHECK(make_spec(task, run_it(), {}, v2).cgroup.path == "nomad.slice/reserve.slice/0f.web.scope");
  task.resources.cpuset_cgroup = "/sys/fs/cgroup/cpuset/nomad/share";
  CHECK(make_spec(task, run_it(), {}, v1).cgroup.v1_existing.at("cpuset") == "/sys/fs/cgroup/cpuset/nomad/share");
  CHECK_FALSE(make_spec(task, run_it(), {}, v1).cgroup.required);
}

TEST_CASE("an override counts only on hosts of its version", "[raw_exec]") {
  Host v1, v2;
  v1.cgroups = sdk::CgroupLayout::v1;
  v2.cgroups = sdk::CgroupLayout::v2;
  Options for_v2 = run_it(), for_v1 = run_it();
  for_v2.cgroup_v2_override = "custom.slice/app.scope";
  for_v1.cgroup_v1_override = {{"memory", "custom/app"}};

  CHECK(make_spec(a_task(), for_v2, {}, v2).cgroup.v2_existing == "custom.slice/app.scope");
  CHECK(make_spec(a_task(), for_v2, {}, v2).cgroup.required);
  CHECK(make_spec(a_task(), for_v2, {}, v1).cgroup.v2_existing.empty());
  CHECK(make_spec(a_task(), for_v1, {}, v1).cgroup.v1_existing.at("memory") == "custom/app");
  CHECK_FALSE(make_spec(a_task(), for_v1, {}, v2).cgroup.required);
}

TEST_CASE("options that make no sense are refused", "[raw_exec]") {
  CHECK(run_it().check().ok());
  Options options = run_it();
  options.oom_score_adj = -1;
  CHECK(options.check().error().message == "oom_score_adj must not be negative");
  options = run_it();
  options.work_dir = "relative";
  CHECK(options.check().error().message == "work_dir must be an absolute path, not 'relative'");
  options = run_it();
  options.cgroup_v1_override = {{"memory", "x"}};
  options.cgroup_v2_override = "x";
  CHECK(options.check().error().message == "only one of cgroup_v1_override and cgroup_v2_override may be set");
  options = {};
  CHECK(options.check().error().message == "command must not be empty");
}
