#include <catch2/catch.hpp>

#include "agent/alloc/alloc_runner.h"
#include "agent/testing/fixtures.h"
#include "base/loop/start.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/registration.pb.h"
#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

model::ServiceCheck http_check() {
  model::ServiceCheck check;
  check.set_name("alive");
  check.set_type("http");
  check.set_path("/health");
  check.set_interval(Duration(10s).count());
  check.set_timeout(Duration(2s).count());
  return check;
}

model::Service service_of(const std::string& name, const std::string& port = "8000") {
  model::Service service;
  service.set_name(name);
  service.set_port_label(port);
  *service.add_checks() = http_check();
  return service;
}

/// One allocation's runner on a simulated machine.
struct Fixture {
  explicit Fixture(const std::function<void(model::Allocation&, model::TaskGroup&)>& change) {
    life = std::make_unique<TestLife>(machine.time, machine.machine, machine.disk, machine.folders);
    runner = std::make_unique<AllocRunner>(life->world, make_alloc(change), [](const AllocRunner&) {});
    runner->start();
  }
  ~Fixture() { run(machine.time, life->loop, runner->stop()); }

  void advance(Duration by) { machine.time.advance(by); }
  std::string services() const {
    std::string out;
    const model::AllocServices all = runner->services().registrations();
    for (const auto& service : all.services())
      out += (out.empty() ? "" : ", ") + service.service_name() + (service.unready() ? " unready" : " ready");
    return out;
  }
  const model::TaskState& state() const { return runner->task("server")->state(); }

  TestMachine machine;
  std::unique_ptr<TestLife> life;
  std::unique_ptr<AllocRunner> runner;
};

}  // namespace

TEST_CASE("a group's service is registered before its task runs, a task's service with it", "[agent]") {
  Fixture f([](auto&, model::TaskGroup& group) {
    *group.add_services() = service_of("web");
    *group.mutable_tasks(0)->add_services() = service_of("admin");
    group.mutable_tasks(0)->set_config(R"({"run_for": "30s", "exit_code": 1})");
  });
  f.machine.time.run_until([&f] { return !f.services().empty(); }, 1s);
  CHECK(f.services() == "web unready");
  f.advance(2s);
  CHECK(f.services() == "web ready, admin ready");

  f.advance(32s);  // the task has failed and waits for its next start
  CHECK(f.services() == "web unready");
}

TEST_CASE("texts of a service see the environment and the node", "[agent]") {
  Fixture f([](auto&, model::TaskGroup& group) {
    model::Service service = service_of("web-${NOMAD_ALLOC_INDEX}");
    service.add_tags("${node.datacenter}");
    service.add_tags("${NOMAD_TASK_NAME}");
    *group.mutable_tasks(0)->add_services() = service;
  });
  f.advance(1s);
  const model::AllocServices all = f.runner->services().registrations();
  REQUIRE(all.services_size() == 1);
  CHECK(all.services(0).service_name() == "web-0");
  CHECK(all.services(0).tags(0) == "dc1");
  CHECK(all.services(0).tags(1) == "server");
}

TEST_CASE("a check that fails for long restarts the task, and the restart policy counts it", "[agent]") {
  Fixture f([](auto&, model::TaskGroup& group) {
    model::Service service = service_of("web");
    service.mutable_checks(0)->mutable_check_restart()->set_limit(2);
    *group.add_services() = service;
    group.mutable_restart_policy()->set_attempts(1);
    group.mutable_restart_policy()->set_delay(Duration(1s).count());
  });
  f.advance(5s);
  CHECK(f.services() == "web ready");
  f.life->probe.http_status = 500;
  f.advance(27s);
  CHECK(f.machine.machine.starts.size() == 2);
  CHECK(event_types(f.state()) ==
        "Received, Task Setup, Started, Restart Signaled, Terminated, Restarting, Started");
  CHECK(f.state().events(3).display_message() == "healthcheck: check \"alive\" unhealthy");

  f.advance(40s);  // the second time is one too many
  CHECK(f.runner->client_status().status == "failed");
}

TEST_CASE("a service that cannot be offered is told of at its task, once, and the task runs", "[agent]") {
  Fixture f([](auto&, model::TaskGroup& group) { *group.add_services() = service_of("web", "nope"); });
  f.advance(30s);
  CHECK(f.services().empty());
  CHECK(f.runner->client_status().status == "running");
  CHECK(event_types(f.state()) == "Received, Services, Task Setup, Started");
}

TEST_CASE("health is decided once, with the allocation, and kept by the next agent", "[agent]") {
  Fixture f([](auto&, model::TaskGroup& group) {
    *group.add_services() = service_of("web");
    group.mutable_update()->set_max_parallel(1);
    group.mutable_update()->set_health_check("checks");
    group.mutable_update()->set_min_healthy_time(Duration(10s).count());
    group.mutable_update()->set_healthy_deadline(Duration(1min).count());
  });
  f.advance(5s);
  CHECK_FALSE(f.runner->status()->has_deployment_status());
  f.advance(10s);
  REQUIRE(f.runner->status()->deployment_status().has_healthy());
  CHECK(f.runner->status()->deployment_status().healthy());
  CHECK(f.runner->status()->deployment_status().timestamp() != 0);
  CHECK(f.machine.disk.state.allocs.at(test_alloc_id).alloc->deployment_status().healthy());

  f.runner->update(changed_alloc(*make_alloc(), [](model::Allocation&) {}));
  CHECK(f.runner->status()->deployment_status().healthy());
}

TEST_CASE("what is not healthy by its deadline says which check was not", "[agent]") {
  Fixture f([](auto&, model::TaskGroup& group) {
    *group.add_services() = service_of("web");
    group.mutable_update()->set_max_parallel(1);
    group.mutable_update()->set_health_check("checks");
    group.mutable_update()->set_min_healthy_time(Duration(10s).count());
    group.mutable_update()->set_healthy_deadline(Duration(30s).count());
  });
  f.life->probe.refuses = true;
  f.advance(31s);
  REQUIRE(f.runner->status()->deployment_status().has_healthy());
  CHECK_FALSE(f.runner->status()->deployment_status().healthy());
  CHECK(last_event(f.state()) == "Services not healthy by deadline: web: alive (connection refused)");
}

TEST_CASE("a secret that nobody has stays a text, and one event says so", "[agent]") {
  Fixture f([](auto&, model::TaskGroup& group) {
    (*group.mutable_tasks(0)->mutable_env())["URL"] = "db://app:${NOMAD_SECRET_DB_PASS}@db";
    group.mutable_tasks(0)->set_config(R"({"note": "${NOMAD_SECRET_DB_PASS}"})");
  });
  f.advance(1s);
  CHECK(f.runner->client_status().status == "running");
  CHECK(event_types(f.state()) == "Received, Task Setup, Secrets, Started");
  CHECK(f.state().events(2).display_message() == "no variable gives NOMAD_SECRET_DB_PASS: it stays as it is written");
  CHECK(f.runner->task("server")->environment()->at("URL") == "db://app:${NOMAD_SECRET_DB_PASS}@db");
}

}  // namespace drover::agent
