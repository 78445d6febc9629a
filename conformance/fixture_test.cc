#include "conformance/fixture.h"

#include <catch2/catch.hpp>

#include "base/json/json.h"

using namespace drover;
using namespace drover::conformance;

namespace {

std::string refusal(const std::string& json) { return Fixture::parse(json).error().message; }

}  // namespace

TEST_CASE("a shell says how everything else is run", "[conformance]") {
  const Fixture fixture = Fixture::parse(R"({"shell": {"command": "/bin/sh", "args": ["-c", "set -e; ${script}"]}})").value();

  CHECK(fixture.has_tasks());
  CHECK(json::write(fixture.shell("echo hi")) == R"({"command":"/bin/sh","args":["-c","set -e; echo hi"]})");
  CHECK(json::write(fixture.exit(7)) == R"({"command":"/bin/sh","args":["-c","set -e; exit 7"]})");
  CHECK_FALSE(fixture.missing);
}

TEST_CASE("a driver without a shell says how a task runs on and how it ends", "[conformance]") {
  const Fixture fixture = Fixture::parse(R"({"forever": {"run_for": "1h"}, "exit": {"exit_code": "${code}"}})").value();

  CHECK(fixture.has_tasks());
  CHECK_FALSE(fixture.has_shell());
  CHECK(json::write(fixture.exit(7)) == R"({"exit_code":7})");
  CHECK_FALSE(Fixture::parse(R"({"forever": {}})").value().has_tasks());
  CHECK_FALSE(Fixture::known("nobody knows it").has_tasks());
  CHECK(Fixture::known("raw_exec").has_shell());
}

TEST_CASE("a fixture that cannot be meant is refused by name", "[conformance]") {
  CHECK(refusal("[]") == "a fixture is a JSON object");
  CHECK(refusal(R"({"shell": "sh"})") == "fixture: 'shell' must be an object");
  CHECK(refusal(R"({"shel": {}})") == "fixture: unknown member 'shel'");
  CHECK_FALSE(Fixture::parse("{").ok());
}
