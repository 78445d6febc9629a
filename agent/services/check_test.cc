#include "agent/services/check.h"

#include <catch2/catch.hpp>

namespace drover::agent {
namespace {

using Kind = CheckOutcome::Kind;

/// One check, run again and again.
struct Runs {
  bool run(Kind kind, Duration at, const std::string& output = "") {
    return take(spec, state, CheckOutcome{kind, 0, output}, Instant{} + at, at);
  }
  CheckSpec spec;
  CheckState state;
};

}  // namespace

TEST_CASE("what has just started is tried in short steps, and its failures do not count yet", "[agent]") {
  Runs check;
  check.run(Kind::failed, 1s, "connection refused");
  CHECK(check.state.status == CheckStatus::pending);
  CHECK(wait_after(check.spec, check.state, 1s) == check_start_step);

  check.run(Kind::passed, 2s);
  CHECK(check.state.status == CheckStatus::success);
  CHECK(wait_after(check.spec, check.state, 2s) == 10s);
  check.run(Kind::failed, 12s);
  CHECK(check.state.status == CheckStatus::failure);
}

TEST_CASE("what does not come up within an interval has failed", "[agent]") {
  Runs check;
  check.run(Kind::failed, 9s);
  CHECK(check.state.status == CheckStatus::pending);
  check.run(Kind::failed, 10s, "connection refused");
  CHECK(check.state.status == CheckStatus::failure);
  CHECK(check.state.output == "connection refused");
}

TEST_CASE("counters ask for several runs in a row", "[agent]") {
  Runs check;
  check.spec.passes_needed = 2;
  check.spec.failures_needed = 3;
  check.run(Kind::passed, 1s);
  CHECK(check.state.status == CheckStatus::pending);
  check.run(Kind::passed, 2s);
  CHECK(check.state.status == CheckStatus::success);
  check.run(Kind::failed, 12s);
  check.run(Kind::failed, 22s);
  CHECK(check.state.status == CheckStatus::success);
  check.run(Kind::failed, 32s);
  CHECK(check.state.status == CheckStatus::failure);
}

TEST_CASE("check_restart counts failures in a row after its grace, and begins anew when it has fired", "[agent]") {
  Runs check;
  check.spec.restart_limit = 2;
  check.spec.restart_grace = 30s;
  CHECK_FALSE(check.run(Kind::passed, 1s));
  CHECK_FALSE(check.run(Kind::failed, 20s));
  CHECK_FALSE(check.run(Kind::failed, 30s));
  CHECK_FALSE(check.run(Kind::passed, 40s));
  CHECK_FALSE(check.run(Kind::failed, 50s));
  CHECK(check.run(Kind::failed, 60s));
  CHECK_FALSE(check.run(Kind::failed, 70s));
}

TEST_CASE("a warning serves, but is no health unless the service says so", "[agent]") {
  Runs check;
  check.run(Kind::warned, 1s);
  CHECK(check.state.status == CheckStatus::success);
  CHECK_FALSE(good_for_health(check.spec, check.state));
  check.spec.warnings_pass = true;
  CHECK(good_for_health(check.spec, check.state));

  Runs restarting;
  restarting.spec.restart_limit = 1;
  restarting.spec.restart_grace = 0s;
  restarting.run(Kind::passed, 1s);
  CHECK(restarting.run(Kind::warned, 11s));
  restarting.spec.restart_ignores_warnings = true;
  CHECK_FALSE(restarting.run(Kind::warned, 21s));
}

TEST_CASE("a pending check never restarts anything", "[agent]") {
  Runs check;
  check.spec.restart_limit = 1;
  check.spec.restart_grace = 0s;
  CHECK_FALSE(check.run(Kind::failed, 1s));
  CHECK(check.run(Kind::failed, 10s));
}

TEST_CASE("of an output only so much is kept", "[agent]") {
  Runs check;
  check.run(Kind::passed, 1s, std::string(1 << 20, 'x'));
  CHECK(check.state.output.size() == check_output_max);
}

}  // namespace drover::agent
