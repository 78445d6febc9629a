#include "agent/session/desired.h"

#include <catch2/catch.hpp>

#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

model::DesiredAllocs message(std::uint64_t index, bool full) {
  model::DesiredAllocs out;
  out.set_index(index);
  out.set_full(full);
  return out;
}

void add_alloc(model::DesiredAllocs& message, const std::string& id, std::uint64_t version, bool with_job) {
  message.add_allocs()->set_id(id);
  model::AllocJob& entry = *message.add_alloc_jobs();
  entry.set_alloc_id(id);
  entry.set_namespace_("default");
  entry.set_job_id("web");
  entry.set_version(version);
  if (!with_job) return;
  model::Job& job = *message.add_jobs();
  job.set_namespace_("default");
  job.set_id("web");
  job.set_version(version);
}

}  // namespace

TEST_CASE("allocations come whole: each with the job version that was sent once", "[agent]") {
  Desired desired;
  auto first = message(10, true);
  add_alloc(first, "a", 1, true);
  add_alloc(first, "b", 1, false);
  REQUIRE(desired.apply(first));

  CHECK(desired.index() == 10);
  CHECK(desired.allocs().at("b")->job().version() == 1);

  auto change = message(11, false);
  add_alloc(change, "a", 2, true);
  change.add_removed("b");
  REQUIRE(desired.apply(change));
  CHECK(desired.allocs().size() == 1);
  CHECK(desired.allocs().at("a")->job().version() == 2);
}

TEST_CASE("a full set replaces what was known", "[agent]") {
  Desired desired;
  auto first = message(10, true);
  add_alloc(first, "a", 1, true);
  REQUIRE(desired.apply(first));
  desired.begin_session();
  auto second = message(20, true);
  add_alloc(second, "c", 1, true);
  REQUIRE(desired.apply(second));
  CHECK(desired.allocs().size() == 1);
  CHECK(desired.allocs().contains("c"));
}

TEST_CASE("an allocation that has not changed since the last set is kept with its job, not read again", "[agent]") {
  Desired desired;
  auto first = message(10, true);
  add_alloc(first, "a", 1, true);
  first.mutable_allocs(0)->set_modify_index(9);
  REQUIRE(desired.apply(first));
  const auto before = desired.allocs().at("a");

  desired.begin_session();
  auto again = message(12, true);
  add_alloc(again, "a", 1, false);
  again.mutable_allocs(0)->set_modify_index(9);
  REQUIRE(desired.apply(again));
  CHECK(desired.allocs().at("a") == before);

  again.mutable_allocs(0)->set_modify_time(5);
  CHECK(desired.apply(again).error().code == Code::conflict);  // another one, and its job never came
}

TEST_CASE("changes without a set before them, and allocations without a job, make it forget how far it is", "[agent]") {
  Desired desired;
  CHECK(desired.apply(message(5, false)).error().code == Code::conflict);
  CHECK_FALSE(desired.complete());

  REQUIRE(desired.apply(message(6, true)));
  auto bad = message(7, false);
  add_alloc(bad, "a", 1, false);
  CHECK(desired.apply(bad).error().code == Code::conflict);
  CHECK(desired.index() == 0);
  CHECK(desired.allocs().empty());
}

}  // namespace drover::agent
