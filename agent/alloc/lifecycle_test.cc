#include "agent/alloc/lifecycle.h"

#include <catch2/catch.hpp>

#include "agent/alloc/client_status.h"

namespace drover::agent {
namespace {

TaskView task(std::string name, TaskKind kind, TaskPhase phase, bool failed = false, bool leader = false) {
  return {std::move(name), kind, phase, failed, leader};
}

using enum TaskKind;
using enum TaskPhase;

}  // namespace

TEST_CASE("main starts when one-shot prestarts have ended well and prestart sidecars run", "[agent]") {
  CHECK(may_start(main, {task("m", main, pending)}));
  CHECK_FALSE(may_start(main, {task("p", prestart, running)}));
  CHECK(may_start(main, {task("p", prestart, dead)}));
  CHECK_FALSE(may_start(main, {task("p", prestart, dead, true)}));
  CHECK_FALSE(may_start(main, {task("s", prestart_sidecar, pending)}));
  CHECK(may_start(main, {task("s", prestart_sidecar, running)}));
}

TEST_CASE("poststart starts when no main is pending, poststop when all others are dead", "[agent]") {
  CHECK_FALSE(may_start(poststart, {task("a", main, running), task("b", main, pending)}));
  CHECK(may_start(poststart, {task("a", main, running), task("b", main, dead)}));
  CHECK_FALSE(may_start(poststop, {task("a", main, dead), task("s", prestart_sidecar, running)}));
  CHECK(may_start(poststop, {task("a", main, dead), task("s", prestart_sidecar, dead), task("x", poststop, pending)}));
}

TEST_CASE("a dead leader wins over a failed sibling as the cause", "[agent]") {
  const std::vector<TaskView> tasks = {task("a", main, dead, true), task("b", main, dead, false, true),
                                       task("c", main, running)};
  CHECK(why_kill(tasks) == KillCause{KillCause::Kind::leader_dead, "b"});
}

TEST_CASE("only sidecars left is a cause, a running main or a failed poststop is none", "[agent]") {
  CHECK(why_kill({task("a", main, dead), task("s", poststart_sidecar, running)}) ==
        KillCause{KillCause::Kind::main_tasks_dead, ""});
  CHECK_FALSE(why_kill({task("a", main, running), task("s", poststart_sidecar, running)}));
  CHECK_FALSE(why_kill({task("a", main, dead), task("x", poststop, dead, true)}));
  CHECK(why_kill({task("a", main, dead, true), task("b", main, running)}) ==
        KillCause{KillCause::Kind::sibling_failed, "a"});
}

TEST_CASE("the leader is killed first, sidecars last, poststop never", "[agent]") {
  const auto waves =
      kill_waves({task("a", main, running), task("l", main, running, false, true), task("s", prestart_sidecar, running),
                  task("d", main, dead), task("x", poststop, pending)});
  CHECK(waves == std::vector<std::vector<std::string>>{{"l"}, {"a"}, {"s"}});
}

TEST_CASE("an allocation has failed or completed only when every task is dead", "[agent]") {
  CHECK(client_status({task("a", main, pending)}).status == "pending");
  CHECK(client_status({task("a", main, dead, true), task("b", main, running)}).status == "running");
  CHECK(client_status({task("a", main, dead, true), task("b", main, dead)}) == ClientStatus{"failed", "Failed tasks"});
  CHECK(client_status({task("a", main, dead)}) == ClientStatus{"complete", "All tasks have completed"});
  CHECK(client_status({task("p", prestart, dead), task("a", main, pending)}).status == "pending");
  CHECK(client_status({task("a", main, dead), task("x", poststop, pending)}).status == "running");
}

}  // namespace drover::agent
