#include "agent/services/alloc_services.h"

#include <catch2/catch.hpp>

#include "agent/testing/fixtures.h"
#include "base/loop/start.h"
#include "model/proto/registration.pb.h"
#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

/// The services of one allocation, with a probe that answers as told.
struct Fixture final : AllocServices::Owner {
  Fixture() {
    life = std::make_unique<TestLife>(machine.time, machine.machine, machine.disk, machine.folders);
    services = std::make_unique<AllocServices>(
        AllocServices::Parts{life->loop, life->random, life->drivers, life->probe}, *this);
  }
  ~Fixture() override { run(machine.time, life->loop, services->stop()); }

  void services_changed() override { ++changes; }
  void restart_unhealthy(const std::string& task, const std::string& reason) override { restarts.push_back(task + ": " + reason); }
  std::optional<RunningTask> running_task(const std::string&) const override { return std::nullopt; }

  static Offer offer(const std::function<void(CheckSpec&)>& change = {}) {
    auto registration = std::make_shared<model::ServiceRegistration>();
    registration->set_id("_nomad-task-a");
    registration->set_service_name("api");
    CheckSpec spec;
    spec.id = "c1";
    spec.name = "alive";
    spec.service = "api";
    spec.endpoint = {"10.0.0.1", 8000};
    spec.path = "/health";
    if (change) change(spec);
    return Offer{{OfferedService{registration, {spec}}}, {}};
  }
  void start(const std::function<void(CheckSpec&)>& change = {}, bool resumed = false) {
    services->offer("", offer(change), true, resumed);
  }
  bool ready() const { return services->any_ready(); }
  CheckState state() const { return services->reports().at(0).state; }

  TestMachine machine;
  std::unique_ptr<TestLife> life;
  std::unique_ptr<AllocServices> services;
  int changes = 0;
  std::vector<std::string> restarts;
};

}  // namespace

TEST_CASE("an instance is registered at once, and ready when its check has passed", "[agent]") {
  Fixture f;
  f.life->probe.refuses = true;
  f.start();
  f.machine.time.advance(3s);
  CHECK(f.services->registrations().services_size() == 1);
  CHECK(f.services->registrations().services(0).unready());
  CHECK(f.state().status == CheckStatus::pending);

  f.life->probe.refuses = false;
  f.machine.time.advance(1100ms);
  CHECK(f.ready());
  CHECK(f.state().output == "nomad: http ok");
  CHECK(f.life->probe.asked.back() == "GET http://10.0.0.1:8000/health");
}

TEST_CASE("a failing check takes the instance away, and only changes are told", "[agent]") {
  Fixture f;
  f.start();
  f.machine.time.advance(60s);
  CHECK(f.ready());
  CHECK(f.changes == 2);

  f.life->probe.http_status = 503;
  f.life->probe.http_body = "overloaded";
  f.machine.time.advance(10s);
  CHECK_FALSE(f.ready());
  CHECK(f.state().code == 503);
  CHECK(f.state().output == "overloaded");
  CHECK(f.changes == 3);
}

TEST_CASE("a check that hangs fails by its timeout", "[agent]") {
  Fixture f;
  f.life->probe.hangs = true;
  f.start([](CheckSpec& spec) { spec.timeout = 2s; });
  f.machine.time.advance(30s);
  CHECK(f.state().status == CheckStatus::failure);
  CHECK(f.services->health().bad.size() == 1);
}

TEST_CASE("each time the tasks run again, the checks begin anew", "[agent]") {
  Fixture f;
  f.start();
  f.machine.time.advance(5s);
  CHECK(f.ready());

  f.services->offer("", Fixture::offer(), false, false);
  CHECK_FALSE(f.ready());
  CHECK(f.services->reports().empty());
  CHECK(f.services->health().bad.size() == 1);
  const std::size_t asked = f.life->probe.asked.size();
  f.machine.time.advance(60s);
  CHECK(f.life->probe.asked.size() == asked);

  f.start();
  CHECK(f.state().status == CheckStatus::pending);
  f.machine.time.advance(1s);
  CHECK(f.ready());
}

TEST_CASE("what ran before the agent did is ready until a check says otherwise", "[agent]") {
  Fixture f;
  f.life->probe.refuses = true;
  f.start({}, true);
  f.machine.time.advance(5s);
  CHECK(f.ready());
  f.machine.time.advance(10s);
  CHECK_FALSE(f.ready());
}

TEST_CASE("a changed check replaces the one that ran; an unchanged offer changes nothing", "[agent]") {
  Fixture f;
  f.start();
  f.machine.time.advance(2s);
  const std::size_t asked = f.life->probe.asked.size();
  f.start();
  f.machine.time.advance(5s);
  CHECK(f.life->probe.asked.size() == asked);

  f.start([](CheckSpec& spec) { spec.path = "/other"; });
  f.machine.time.advance(1s);
  CHECK(f.life->probe.asked.back() == "GET http://10.0.0.1:8000/other");
  CHECK(f.ready());
}

TEST_CASE("check_restart asks once for each time that its limit is reached", "[agent]") {
  Fixture f;
  f.life->probe.http_status = 500;
  f.start([](CheckSpec& spec) {
    spec.restart_limit = 2;
    spec.restart_grace = 0s;
  });
  f.machine.time.advance(21s);
  CHECK(f.restarts == std::vector<std::string>{": healthcheck: check \"alive\" unhealthy"});
}

TEST_CASE("a script without a running task fails, and what is withdrawn is gone", "[agent]") {
  Fixture f;
  f.start([](CheckSpec& spec) {
    spec.type = CheckType::script;
    spec.task = "server";
  });
  f.machine.time.advance(30s);
  CHECK(f.state().output == "task \"server\" does not run");

  f.services->withdraw_all();
  CHECK(f.services->registrations().services_size() == 0);
  CHECK(f.services->health().wanted == 0);
}

}  // namespace drover::agent
