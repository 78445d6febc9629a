#include "agent/alloc/events.h"

#include <catch2/catch.hpp>

#include "agent/alloc/go_duration.h"
#include "model/proto/task_state.pb.h"

namespace drover::agent {

TEST_CASE("durations are written as clients know them", "[agent]") {
  CHECK(go_duration(0s) == "0s");
  CHECK(go_duration(5s) == "5s");
  CHECK(go_duration(250ms) == "250ms");
  CHECK(go_duration(1500us) == "1.5ms");
  CHECK(go_duration(16957493832ns) == "16.957493832s");
  CHECK(go_duration(90s) == "1m30s");
  CHECK(go_duration(30min) == "30m0s");
  CHECK(go_duration(24h) == "24h0m0s");
  CHECK(go_duration(-5s) == "-5s");
}

TEST_CASE("events carry the texts and details that clients match on", "[agent]") {
  const Instant now = from_ns(1);
  TaskExit exit{137, 9, true, "killed"};
  const model::TaskEvent terminated = events::terminated(now, exit);
  CHECK(terminated.display_message() == "Exit Code: 137, Signal: 9, Exit Message: \"killed\"");
  CHECK(terminated.details().at("oom_killed") == "true");
  CHECK(terminated.details().at("exit_code") == "137");

  const model::TaskEvent killing = events::killing(now, 5s, "");
  CHECK(killing.display_message() == "Sent interrupt. Waiting 5s before force killing");
  CHECK(killing.details().at("kill_timeout") == "5s");

  CHECK(events::restarting(now, 15s, "Restart within policy").display_message() == "Task restarting in 15s");
  CHECK(events::restarting(now, 15s, "Exceeded allowed attempts, applying a delay").display_message() ==
        "Exceeded allowed attempts, applying a delay - Task restarting in 15s");
  CHECK(events::restarting(now, 1s, "x").details().at("start_delay") == "1000000000");
  CHECK(events::signaling(now, "", "").display_message() == "Task being sent a signal");
  CHECK(events::sibling_failed(now, "db").display_message() == "Task's sibling \"db\" failed");
}

TEST_CASE("the ten newest events are kept, and a failure sticks", "[agent]") {
  model::TaskState state;
  events::append(state, events::not_restarting(from_ns(0), "over"));
  for (int i = 1; i <= 10; ++i) events::append(state, events::started(from_ns(i)));

  CHECK(state.events_size() == 10);
  CHECK(state.events(0).time() == 1);
  CHECK(state.failed());
}

}  // namespace drover::agent
