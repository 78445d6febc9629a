#include "agent/alloc/alloc_runner.h"

#include <catch2/catch.hpp>

#include <optional>

#include "agent/testing/fixtures.h"
#include "base/loop/start.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

/// A machine, one life on it, and one allocation's runner; destroying it detaches.
struct Fixture {
  explicit Fixture(std::shared_ptr<const model::Allocation> alloc) : machine(std::make_unique<TestMachine>()) {
    begin(std::move(alloc), {});
  }
  ~Fixture() {
    if (life) detach();
  }

  void begin(std::shared_ptr<const model::Allocation> alloc, std::optional<StoredAlloc> stored) {
    life = std::make_unique<TestLife>(machine->time, machine->machine, machine->disk, machine->folders);
    life->has_contact = contact;
    life->drivers.watch([this](const DriverStatus&) { life->drivers_changed.notify(); }, {});
    runner = std::make_unique<AllocRunner>(life->world, std::move(alloc), [this](const AllocRunner& its) {
      const std::string status(its.client_status().status);
      if (told.empty() || told.back() != status) told.push_back(status);
    });
    if (stored) runner->restore(std::move(stored->tasks));
    runner->start();
  }

  void detach() {
    run(machine->time, life->loop, runner->stop());
    runner.reset();
    life.reset();
  }

  /// As kill -9: nothing of it runs again.
  void crash() {
    life->loop.crash();
    runner.reset();
    life.reset();
  }

  /// The next agent on this machine.
  void restart_agent() {
    const StoredAlloc stored = machine->disk.state.allocs.at(test_alloc_id);
    begin(stored.alloc, stored);
  }

  Result<void> restart(const std::string& task, bool all) { return run(machine->time, life->loop, runner->restart(task, all)); }
  void advance(Duration by) { machine->time.advance(by); }
  std::string status() const { return std::string(runner->client_status().status); }
  const model::TaskState& state(const std::string& task = "server") const { return runner->task(task)->state(); }
  std::size_t running(const std::string& task = "server") const {
    return machine->machine.running(test_alloc_id, task);
  }
  std::size_t starts() const { return machine->machine.starts.size(); }

  std::unique_ptr<TestMachine> machine;
  std::unique_ptr<TestLife> life;
  std::unique_ptr<AllocRunner> runner;
  std::vector<std::string> told;
  bool contact = true;
};

void set_config(model::TaskGroup& group, const std::string& config) { group.mutable_tasks(0)->set_config(config); }

model::TaskLifecycleConfig* lifecycle(model::Task& task, const std::string& hook, bool sidecar) {
  task.mutable_lifecycle()->set_hook(hook);
  task.mutable_lifecycle()->set_sidecar(sidecar);
  return task.mutable_lifecycle();
}

}  // namespace

TEST_CASE("a service's task is received, set up and started, and its handle is on disk before that is told",
          "[agent]") {
  Fixture f(make_alloc());
  f.advance(1s);

  CHECK(f.status() == "running");
  CHECK(event_types(f.state()) == "Received, Task Setup, Started");
  CHECK(f.running() == 1);
  const StoredTask& stored = f.machine->disk.state.allocs.at(test_alloc_id).tasks.at("server");
  REQUIRE(stored.handle);
  CHECK(stored.handle->life == TaskLife::running);
  CHECK(stored.handle->config.env.at("NOMAD_TASK_NAME") == "server");
  CHECK(f.told == std::vector<std::string>{"pending", "running"});
}

TEST_CASE("the payload of a dispatched job is in its file before the task starts, and nowhere without a payload", "[agent]") {
  const auto with_file = [](const std::string& payload) {
    return [payload](auto& alloc, auto& group) {
      alloc.mutable_job()->set_payload(payload);
      group.mutable_tasks(0)->mutable_dispatch_payload()->set_file("in/put.json");
    };
  };
  Fixture f(make_alloc(with_file("{}")));
  f.advance(1s);
  CHECK(f.status() == "running");
  CHECK(f.machine->folders.files == std::map<std::string, std::string>{{std::string(test_alloc_id) + "/server/in/put.json", "{}"}});

  Fixture without(make_alloc(with_file("")));
  without.advance(1s);
  CHECK(without.status() == "running");
  CHECK(without.machine->folders.files.empty());
}

TEST_CASE("a handle that cannot be saved ends the start, and the task with it", "[agent]") {
  Fixture f(make_alloc());
  f.machine->time.run_until([&f] { return f.starts() == 1; }, 1s);
  f.machine->disk.full = true;
  f.advance(1s);

  CHECK(f.running() == 0);
  CHECK(f.status() == "pending");
  CHECK(event_types(f.state()) == "Received, Task Setup, Driver Failure, Restarting");

  f.machine->disk.full = false;
  f.advance(30s);
  CHECK(f.status() == "running");
}

TEST_CASE("stopping an allocation sends the signal, waits, and reports complete", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) { set_config(group, R"({"kill_after": "2s"})"); }));
  f.advance(1s);

  f.runner->update(changed_alloc(*f.runner->alloc(), [](auto& alloc) { alloc.set_desired_status("stop"); }));
  f.advance(1s);
  CHECK(f.status() == "running");
  f.advance(2s);

  CHECK(f.status() == "complete");
  CHECK(event_types(f.state()) == "Received, Task Setup, Started, Killing, Terminated, Killed");
  CHECK(f.state().events(3).display_message() == "Sent interrupt. Waiting 5s before force killing");
  CHECK(f.state().events(4).display_message() == "Exit Code: 130, Signal: 2");
  CHECK(f.machine->machine.tasks.empty());
  CHECK(f.machine->folders.open_logs.empty());
}

TEST_CASE("a task that ignores the signal is killed after its timeout, capped by the agent's", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) {
    set_config(group, R"({"kill_after": "10m"})");
    group.mutable_tasks(0)->set_kill_timeout(Duration(1h).count());
  }));
  f.advance(1s);
  f.runner->update(changed_alloc(*f.runner->alloc(), [](auto& alloc) { alloc.set_desired_status("stop"); }));

  f.advance(29s);
  CHECK(f.status() == "running");
  f.advance(2s);
  CHECK(f.status() == "complete");
}

TEST_CASE("shutdown_delay is waited before the signal, and skipped when the server says so", "[agent]") {
  const bool skip = GENERATE(false, true);
  Fixture f(make_alloc([](auto&, auto& group) { group.mutable_tasks(0)->set_shutdown_delay(Duration(10s).count()); }));
  f.advance(1s);
  f.runner->update(changed_alloc(*f.runner->alloc(), [skip](auto& alloc) {
    alloc.set_desired_status("stop");
    alloc.mutable_desired_transition()->set_no_shutdown_delay(skip);
  }));

  f.advance(9s);
  CHECK(f.running() == (skip ? 0 : 1));
  CHECK(f.state().events(4).display_message() == (skip ? "Skipping shutdown_delay of 10s before killing the task."
                                                       : "Waiting for shutdown_delay of 10s before killing the task."));
  f.advance(2s);
  CHECK(f.status() == "complete");
}

TEST_CASE("a failing task is restarted until its attempts are spent, then the allocation has failed", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) { set_config(group, R"({"run_for": "1s", "exit_code": 3})"); }));

  f.advance(2s);
  CHECK(f.status() == "pending");
  CHECK(f.state().restarts() == 1);
  f.advance(60s);

  CHECK(f.status() == "failed");
  CHECK(f.starts() == 3);
  CHECK(f.state().failed());
  CHECK(last_event(f.state()) == "Exceeded allowed attempts 2 in interval 30m0s and mode is \"fail\"");
  CHECK(f.state().finished_at() != 0);
}

TEST_CASE("attempts are counted across a crash of the agent", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) { set_config(group, R"({"run_for": "1s", "exit_code": 3})"); }));
  f.advance(2s);
  REQUIRE(f.state().restarts() == 1);
  f.crash();
  f.restart_agent();
  f.advance(2min);

  CHECK(f.status() == "failed");
  CHECK(f.starts() == 3);
}

TEST_CASE("a batch task that ends well completes its allocation", "[agent]") {
  Fixture f(make_alloc([](auto& alloc, auto& group) {
    alloc.mutable_job()->set_type("batch");
    set_config(group, R"({"run_for": "1s"})");
  }));
  f.advance(5s);

  CHECK(f.status() == "complete");
  CHECK(event_types(f.state()) == "Received, Task Setup, Started, Terminated");
  CHECK_FALSE(f.state().failed());
}

TEST_CASE("an unrecoverable start error fails at once, a recoverable one is tried again", "[agent]") {
  const bool recoverable = GENERATE(false, true);
  Fixture f(make_alloc([recoverable](auto&, auto& group) {
    set_config(group, recoverable ? R"({"start_error": "no luck", "start_error_recoverable": true})"
                                  : R"({"start_error": "no luck"})");
  }));
  f.advance(5s);

  CHECK(f.status() == (recoverable ? "pending" : "failed"));
  CHECK(event_types(f.state()) == (recoverable ? "Received, Task Setup, Driver Failure, Restarting"
                                               : "Received, Task Setup, Driver Failure, Not Restarting"));
  CHECK(f.state().events(2).display_message() == "no luck");
}

TEST_CASE("main tasks wait for prestart to end well and for sidecars to run; poststop runs last", "[agent]") {
  Fixture f(make_alloc([](auto& alloc, auto& group) {
    alloc.mutable_job()->set_type("batch");
    set_config(group, R"({"run_for": "5s"})");
    lifecycle(add_task(group, "init", R"({"run_for": "3s"})"), "prestart", false);
    lifecycle(add_task(group, "proxy"), "prestart", true);
    lifecycle(add_task(group, "hello", R"({"run_for": "1s"})"), "poststart", false);
    lifecycle(add_task(group, "bye", R"({"run_for": "1s"})"), "poststop", false);
  }));

  f.advance(2s);
  CHECK(f.running("init") == 1);
  CHECK(f.running("proxy") == 1);
  CHECK(f.running() == 0);
  CHECK(f.status() == "running");
  f.advance(2s);
  CHECK(f.running() == 1);
  CHECK(f.running("bye") == 0);
  f.advance(30s);

  const std::string id = test_alloc_id;
  CHECK(f.machine->machine.starts ==
        std::vector<std::string>{id + "/init", id + "/proxy", id + "/server", id + "/hello", id + "/bye"});
  CHECK(f.status() == "complete");
  CHECK(event_types(f.state("proxy")) == "Received, Task Setup, Started, Main Tasks Dead, Killing, Terminated, Killed");
}

TEST_CASE("a prestart task that fails ends the allocation before main has started", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) {
    lifecycle(add_task(group, "init", R"({"run_for": "1s", "exit_code": 1})"), "prestart", false);
    group.mutable_restart_policy()->set_attempts(0);
  }));
  f.advance(10s);

  CHECK(f.status() == "failed");
  CHECK(f.starts() == 1);
  CHECK(event_types(f.state()) == "Received, Sibling Task Failed");
}

TEST_CASE("the leader's end ends the others, and the leader is stopped first", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) {
    group.mutable_tasks(0)->set_leader(true);
    set_config(group, R"({"kill_after": "2s"})");
    add_task(group, "helper");
    lifecycle(add_task(group, "proxy"), "prestart", true);
  }));
  f.advance(1s);
  f.runner->update(changed_alloc(*f.runner->alloc(), [](auto& alloc) { alloc.set_desired_status("stop"); }));
  f.advance(1s);
  CHECK(f.running("helper") == 1);
  f.advance(5s);

  const std::string id = test_alloc_id;
  CHECK(f.machine->machine.ends == std::vector<std::string>{id + "/server", id + "/helper", id + "/proxy"});
  CHECK(f.status() == "complete");
}

TEST_CASE("a restart asked for is not counted and has no delay", "[agent]") {
  Fixture f(make_alloc());
  f.advance(1s);

  REQUIRE(f.restart("server", false));
  f.advance(1s);

  CHECK(f.running() == 1);
  CHECK(f.starts() == 2);
  CHECK(event_types(f.state()) == "Received, Task Setup, Started, Restart Signaled, Terminated, Restarting, Started");
  CHECK(f.state().events(5).display_message() == "Task restarting in 0s");
  CHECK(f.state().restarts() == 1);
}

TEST_CASE("wherever the agent crashes after a restart was promised, the task is started again, once", "[agent]") {
  const int microseconds = GENERATE(range(0, 12000, 250));
  CAPTURE(microseconds);
  Fixture f(make_alloc());
  f.advance(1s);
  REQUIRE(f.restart("server", false));
  f.advance(std::chrono::microseconds(microseconds));
  f.crash();
  f.restart_agent();
  f.advance(1s);

  CHECK(f.status() == "running");
  CHECK(f.running() == 1);
  CHECK(f.machine->machine.tasks.size() == 1);
  CHECK(f.state().restarts() == 1);
}

TEST_CASE("wherever the agent crashes while it restarts a task, the task is not taken for ended", "[agent]") {
  const int microseconds = GENERATE(range(0, 12000, 250));
  CAPTURE(microseconds);
  Fixture f(make_alloc());
  f.advance(1s);
  start<Result<void>>(f.life->loop, f.runner->restart("server", false), [](const Result<void>&) {});
  f.advance(std::chrono::microseconds(microseconds));
  f.crash();
  f.restart_agent();
  f.advance(1s);

  CHECK(f.status() == "running");
  CHECK(f.running() == 1);
}

TEST_CASE("restarting or signaling what does not run is refused", "[agent]") {
  Fixture f(make_alloc([](auto& alloc, auto& group) {
    alloc.mutable_job()->set_type("batch");
    set_config(group, R"({"run_for": "1s"})");
  }));
  f.advance(5s);

  CHECK(f.restart("server", false).error().message == "Task not running");
  CHECK(f.restart("", true).error().message == "Task not running");
  const Result<void> signalled = run(f.machine->time, f.life->loop, f.runner->signal("server", "SIGHUP"));
  CHECK(signalled.error().message == "Task not running");
  CHECK_FALSE(f.restart("nobody", false));
}

TEST_CASE("a signal reaches every running task", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) { add_task(group, "second"); }));
  f.advance(1s);

  REQUIRE(run(f.machine->time, f.life->loop, f.runner->signal("", "SIGHUP")));

  CHECK(f.machine->machine.signals == std::vector<std::string>{"second:SIGHUP", "server:SIGHUP"});
  CHECK(last_event(f.state()) == "Task being sent signal SIGHUP: User requested task to be signaled");
}

TEST_CASE("after a crash of the agent the running task is adopted, not started again", "[agent]") {
  Fixture f(make_alloc());
  f.advance(1s);
  f.crash();
  f.advance(10s);
  f.restart_agent();
  f.advance(1s);

  CHECK(f.status() == "running");
  CHECK(f.starts() == 1);
  CHECK(f.running() == 1);
  CHECK(event_types(f.state()) == "Received, Task Setup, Started");
}

TEST_CASE("the output of an adopted task is collected again", "[agent]") {
  Fixture f(make_alloc());
  f.advance(1s);
  f.crash();
  f.machine->folders.open_logs.clear();  // what the agent held is gone with it
  f.restart_agent();
  f.advance(1s);

  CHECK(f.machine->folders.open_logs.size() == 1);
}

TEST_CASE("an exit that happened while the agent was down is told with its code", "[agent]") {
  Fixture f(make_alloc([](auto& alloc, auto& group) {
    alloc.mutable_job()->set_type("batch");
    set_config(group, R"({"run_for": "5s", "exit_code": 7})");
    group.mutable_restart_policy()->set_attempts(0);
  }));
  f.advance(1s);
  f.crash();
  f.advance(10s);
  f.restart_agent();
  f.advance(1s);

  CHECK(f.status() == "failed");
  CHECK(f.starts() == 1);
  CHECK(f.state().events(3).display_message() == "Exit Code: 7");
}

TEST_CASE("wherever the agent crashes, each task runs at most once and ends up running", "[agent]") {
  const int microseconds = GENERATE(range(0, 12000, 250));
  CAPTURE(microseconds);
  Fixture f(make_alloc());
  f.advance(std::chrono::microseconds(microseconds));
  const bool told_running = f.status() == "running";
  f.crash();
  if (!f.machine->disk.state.allocs.contains(test_alloc_id) ||
      f.machine->disk.state.allocs.at(test_alloc_id).alloc == nullptr) {
    f.begin(make_alloc(), {});
  } else {
    f.restart_agent();
  }
  f.advance(1s);

  CHECK(f.status() == "running");
  CHECK(f.running() == 1);
  CHECK(f.machine->machine.tasks.size() == 1);
  // What was told to run is adopted; only a start that nobody knew of may have been undone and made again.
  if (told_running) CHECK(f.starts() == 1);
}

TEST_CASE("wherever the agent crashes while a batch task ends, it is not run again and its code is told", "[agent]") {
  const int microseconds = GENERATE(range(0, 10000, 250));
  CAPTURE(microseconds);
  Fixture f(make_alloc([](auto& alloc, auto& group) {
    alloc.mutable_job()->set_type("batch");
    set_config(group, R"({"run_for": "1s"})");
  }));
  f.advance(1s + std::chrono::microseconds(microseconds));
  f.crash();
  f.restart_agent();
  f.advance(1s);

  CHECK(f.status() == "complete");
  CHECK(f.starts() == 1);
  CHECK(f.machine->machine.tasks.empty());
}

TEST_CASE("a task that cannot be recovered waits for the server before it is started again", "[agent]") {
  Fixture f(make_alloc());
  f.advance(1s);
  f.crash();
  f.machine->machine.reboot();
  f.contact = false;
  f.restart_agent();
  f.advance(10s);
  CHECK(f.status() == "pending");
  CHECK(last_event(f.state()) == "failed to restore task; will not run until server is contacted");

  f.life->has_contact = true;
  f.life->server_contacted.notify();
  f.advance(1s);
  CHECK(f.status() == "running");
  CHECK(f.starts() == 2);
}

TEST_CASE("a driver's death does not end its tasks, nor does it hide their exit", "[agent]") {
  Fixture f(make_alloc([](auto& alloc, auto& group) {
    alloc.mutable_job()->set_type("batch");
    set_config(group, R"({"run_for": "20s"})");
  }));
  f.advance(1s);
  f.machine->machine.kill_driver("mock_driver", 3s);
  f.advance(10s);
  CHECK(f.status() == "running");
  f.advance(30s);

  CHECK(f.status() == "complete");
  CHECK(f.starts() == 1);
}

TEST_CASE("a driver may die as often as it likes: its tasks run on, and their exit is told", "[agent]") {
  Fixture f(make_alloc([](auto& alloc, auto& group) {
    alloc.mutable_job()->set_type("batch");
    set_config(group, R"({"run_for": "200s"})");
  }));
  f.advance(1s);
  for (int death = 0; death < 25; ++death) {
    f.machine->machine.kill_driver("mock_driver", 1s);
    f.advance(6s);
    REQUIRE(f.status() == "running");
  }
  f.advance(100s);

  CHECK(f.status() == "complete");
  CHECK(f.starts() == 1);
}

TEST_CASE("a stop that falls on a dying driver is carried out by the next one", "[agent]") {
  Fixture f(make_alloc());
  f.advance(1s);
  f.machine->machine.kill_driver("mock_driver", 3s);
  f.runner->update(changed_alloc(*f.runner->alloc(), [](auto& alloc) { alloc.set_desired_status("stop"); }));
  f.advance(15s);

  CHECK(f.status() == "complete");
  CHECK(f.state().events(4).display_message() == "Exit Code: 130, Signal: 2");
  CHECK(f.machine->machine.tasks.empty());
}

TEST_CASE("a start waits for a driver that is launched again, which costs no restart", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) { set_config(group, R"({"run_for": "1s", "exit_code": 3})"); }));
  f.advance(2s);
  REQUIRE(f.state().restarts() == 1);
  f.machine->machine.kill_driver("mock_driver", 50s);
  f.advance(40s);
  CHECK(last_event(f.state()) == "waiting for driver mock_driver: its process has died and is started again");
  f.advance(11s);

  CHECK(f.starts() == 2);
  CHECK(f.state().restarts() == 1);
}

TEST_CASE("a task that waits for its driver can be stopped", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) { set_config(group, R"({"run_for": "1s", "exit_code": 3})"); }));
  f.advance(2s);
  f.machine->machine.kill_driver("mock_driver", 10min);
  f.advance(40s);
  f.runner->update(changed_alloc(*f.runner->alloc(), [](auto& alloc) { alloc.set_desired_status("stop"); }));
  f.advance(2s);

  CHECK(f.status() == "complete");
  CHECK(f.starts() == 1);
}

TEST_CASE("what is not built yet is refused by name, not left out in silence", "[agent]") {
  Fixture f(
      make_alloc([](auto&, auto& group) { group.mutable_tasks(0)->add_artifacts()->set_getter_source("http://x"); }));
  f.advance(1s);
  CHECK(f.status() == "failed");
  CHECK(f.state().events(1).display_message() == "artifact is not supported yet");
  CHECK(f.starts() == 0);
}

TEST_CASE("a driver that is missing after a restart of the agent keeps its task's handle until it is back", "[agent]") {
  Fixture f(make_alloc());
  f.advance(1s);
  f.crash();
  f.machine->machine.set_driver_present("mock_driver", false);
  f.restart_agent();
  f.advance(60s);

  CHECK(run(f.machine->time, f.life->loop, f.runner->adopted()));
  CHECK(last_event(f.state()).starts_with("driver mock_driver is missing"));
  f.machine->machine.set_driver_present("mock_driver", true);
  f.advance(10s);
  CHECK(f.status() == "running");
  CHECK(f.starts() == 1);
}

TEST_CASE("without its driver on the node a task is tried again by its restart policy", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) { group.mutable_tasks(0)->set_driver("podman"); }));
  f.advance(1s);

  CHECK(f.status() == "pending");
  CHECK(f.state().events(1).display_message() == "driver \"podman\" cannot be used: no such driver on this node");
}

TEST_CASE("a folder that cannot be made fails the allocation with the reason", "[agent]") {
  Fixture f(make_alloc());
  f.machine->folders.broken = true;
  f.advance(1s);

  CHECK(f.status() == "failed");
  CHECK(last_event(f.state()) ==
        "failed to setup alloc: pre-run hook \"alloc_dir\" failed: mkdir /sim/alloc: read-only file system");
}

TEST_CASE("removing an allocation stops it and leaves nothing behind", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) { lifecycle(add_task(group, "bye"), "poststop", false); }));
  f.advance(1s);

  REQUIRE(run(f.machine->time, f.life->loop, f.runner->remove()));

  CHECK(f.machine->machine.tasks.empty());
  CHECK(f.machine->folders.allocs.empty());
  CHECK_FALSE(f.machine->disk.state.allocs.contains(test_alloc_id));
}

TEST_CASE("an in-place update changes the restart policy of a task that runs", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) { set_config(group, R"({"run_for": "10s", "exit_code": 1})"); }));
  f.advance(1s);
  f.runner->update(changed_alloc(*f.runner->alloc(), [](auto& alloc) {
    alloc.mutable_job()->mutable_task_groups(0)->mutable_restart_policy()->set_attempts(0);
  }));
  f.advance(20s);

  CHECK(f.status() == "failed");
  CHECK(last_event(f.state()) == "Policy allows no restarts");
}

TEST_CASE("an allocation whose group is not in its job fails and says so", "[agent]") {
  Fixture f(make_alloc([](auto& alloc, auto&) { alloc.set_task_group("gone"); }));
  f.advance(1s);

  CHECK(f.status() == "failed");
  CHECK(f.runner->client_status().description ==
        "Unable to add allocation due to error: its job has no group \"gone\"");
}

TEST_CASE("a reference to something unknown in the driver's config fails the task by name", "[agent]") {
  Fixture f(make_alloc([](auto&, auto& group) { set_config(group, R"({"args": ["${NOMAD_NOTHING}"]})"); }));
  f.advance(1s);

  CHECK(f.status() == "failed");
  CHECK(f.state().events(2).type() == "Failed Validation");
  CHECK(f.state().events(2).display_message().find("NOMAD_NOTHING") != std::string::npos);
}

}  // namespace drover::agent
