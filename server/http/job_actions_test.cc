#include "server/http/test_world.h"

namespace drover::server {
namespace {

std::string text_at(const Value& value, std::string_view key) { return value.find(key)->text(); }
std::int64_t number_at(const Value& value, std::string_view key) { return value.find(key)->integer(); }
Value parse(const http::Response& response) { return json::parse(response.body).value(); }

/// A second version of "web", with another count.
void submit_twice(HttpWorld& world) {
  REQUIRE(world.submit("web").status == 200);
  std::string changed = HttpWorld::job_json("web");
  changed.replace(changed.find(R"("Count":2)"), 9, R"("Count":3)");
  REQUIRE(world.ask("PUT", "/v1/jobs", changed).status == 200);
}

TEST_CASE("versions show what differs from the one before, or from a given one", "[server][http]") {
  HttpWorld world;
  submit_twice(world);

  const Value versions = world.get_json("/v1/job/web/versions?diffs=true");
  REQUIRE(versions.find("Diffs")->items().size() == 1);
  const Value& group = versions.find("Diffs")->items()[0].find("TaskGroups")->items()[0];
  CHECK(text_at(group.find("Fields")->items()[0], "Old") == "2");
  CHECK(text_at(group.find("Fields")->items()[0], "New") == "3");
  CHECK(world.get_json("/v1/job/web/versions?diffs=true&diff_version=0").find("Diffs")->items().size() == 2);
  CHECK(world.get("/v1/job/web/versions?diffs=true&diff_version=9").body == "version 9 not found");
  CHECK(world.get("/v1/job/web/versions?diffs=true&diff_tag=x").body == "tag \"x\" not found");
}

TEST_CASE("a job goes back to a version, and versions get names", "[server][http]") {
  HttpWorld world;
  submit_twice(world);

  CHECK(world.ask("PUT", "/v1/job/web/versions/gold/tag", R"({"Version":0,"Description":"d"})").status == 200);
  CHECK(world.ask("PUT", "/v1/job/web/revert", R"({"JobVersion":0})").body == "JobID must be specified");
  CHECK(world.ask("PUT", "/v1/job/web/revert", R"({"JobID":"other","JobVersion":0})").body == "Job ID does not match");
  CHECK(world.ask("PUT", "/v1/job/web/revert", R"({"JobID":"web","JobVersion":1})").body == "can't revert to current version");
  const http::Response reverted = world.ask("PUT", "/v1/job/web/revert", R"({"JobID":"web","JobVersion":0})");
  REQUIRE(reverted.status == 200);
  CHECK(number_at(world.get_json("/v1/job/web"), "Version") == 2);
  CHECK(world.ask("DELETE", "/v1/job/web/versions/gold/tag").status == 200);
  CHECK(world.ask("PUT", "/v1/job/web/stable", R"({"JobID":"web","JobVersion":2,"Stable":true})").status == 200);
  CHECK(world.get_json("/v1/job/web").find("Stable")->boolean());
}

TEST_CASE("a group is scaled, and its status tells of it", "[server][http]") {
  HttpWorld world;
  REQUIRE(world.submit("web").status == 200);
  const std::string to_four = R"({"Count":4,"Message":"more","Meta":{"a":1},"Target":{"Group":"g"}})";

  world.time.advance(1s);
  const http::Response while_deployed = world.ask("PUT", "/v1/job/web/scale", to_four);
  CHECK(while_deployed.status == 400);
  CHECK(while_deployed.body == "job scaling blocked due to active deployment");
  const Uuid deployment = parse_uuid(text_at(world.get_json("/v1/job/web/deployment"), "ID"));
  REQUIRE(run<Result<DeploymentUpdated>>(world.time, world.loop, world.server.fail_deployment({deployment})).ok());
  REQUIRE(world.ask("PUT", "/v1/job/web/scale", to_four).status == 200);
  const Value status = world.get_json("/v1/job/web/scale");
  const Value& group = *status.find("TaskGroups")->find("g");
  CHECK(number_at(group, "Desired") == 4);
  CHECK(text_at(group.find("Events")->items()[0], "Message") == "more");
  CHECK(group.find("Events")->items()[0].find("Meta")->find("a")->is_real());
  CHECK(world.ask("PUT", "/v1/job/web/scale", R"({"Count":1,"Target":{"Group":"nope"}})").status == 400);
  CHECK(world.ask("PUT", "/v1/job/none/scale", R"({"Count":1,"Target":{"Group":"g"}})").status == 404);
  CHECK(world.ask("PUT", "/v1/job/web/scale", R"({"Count":1,"Target":{"Group":"g","Job":"x"}})").body == "job ID in payload did not match URL");
  CHECK(world.ask("PUT", "/v1/job/web/scale", "{").body == "unexpected EOF");
  CHECK(world.get("/v1/job/none/scale").body == "job not found");
}

TEST_CASE("scaling policies come from the jobs, with ids that stay", "[server][http]") {
  HttpWorld world;
  CHECK(world.get("/v1/scaling/policies").body == "[]");
  std::string job = HttpWorld::job_json("web");
  job.replace(job.find(R"("Count":2)"), 9, R"("Count":2,"Scaling":{"Min":1,"Max":4,"Policy":{"target":70}})");
  REQUIRE(world.ask("PUT", "/v1/jobs", job).status == 200);

  const Value list = world.get_json("/v1/scaling/policies?job=web");
  REQUIRE(list.items().size() == 1);
  const std::string id = text_at(list.items()[0], "ID");
  CHECK(text_at(*list.items()[0].find("Target"), "Group") == "g");
  CHECK(world.get_json("/v1/scaling/policy/" + id).find("Policy")->find("target")->is_real());
  REQUIRE(world.ask("DELETE", "/v1/job/web").status == 200);
  CHECK_FALSE(world.get_json("/v1/scaling/policy/" + id).find("Enabled")->boolean());
  CHECK(world.get("/v1/scaling/policy/none").body == "policy not found");
}

TEST_CASE("things are found by the beginning of their id and by parts of their names", "[server][http]") {
  HttpWorld world;
  const std::string node = world.add_node();
  for (const auto* id : {"web", "website", "db"}) REQUIRE(world.submit(id).status == 200);
  const auto found = [&world](const char* path, const std::string& body) { return parse(world.ask("PUT", path, body)); };

  const Value jobs = found("/v1/search", R"({"Prefix":"web","Context":"jobs"})");
  CHECK(jobs.find("Matches")->find("jobs")->items().size() == 2);
  const Value nodes = found("/v1/search", R"({"Prefix":")" + node.substr(0, 5) + R"(","Context":"all"})");
  CHECK(nodes.find("Matches")->find("nodes")->items()[0].text() == node);
  CHECK(nodes.find("Matches")->find("jobs")->is_null());
  CHECK(found("/v1/search", R"({"Prefix":"web","Context":"all"})").find("Matches")->find("allocs") == nullptr);
  const Value fuzzy = found("/v1/search/fuzzy", R"({"Text":"BIN/T","Context":"jobs"})");
  CHECK(fuzzy.find("Matches")->find("commands")->items().size() == 3);
  CHECK(world.ask("PUT", "/v1/search/fuzzy", R"({"Text":"x","Context":"jobs"})").body == "fuzzy search query must be at least 2 characters, got 1");
  CHECK(world.ask("PUT", "/v1/search", R"({"Prefix":"x","Context":"nope"})").status == 500);
}

TEST_CASE("job statuses show allocations, newest change first", "[server][http]") {
  HttpWorld world;
  world.add_node();
  for (const auto* id : {"a", "b"}) REQUIRE(world.submit(id).status == 200);
  world.time.run_until_idle();

  const Value list = world.get_json("/v1/jobs/statuses");
  REQUIRE(list.items().size() == 2);
  CHECK(number_at(list.items()[0], "ModifyIndex") > number_at(list.items()[1], "ModifyIndex"));
  CHECK(number_at(list.items()[0], "GroupCountSum") == 2);
  CHECK(list.items()[0].find("Allocs")->items().size() == 2);
  CHECK(parse(world.ask("POST", "/v1/jobs/statuses", R"({"Jobs":[{"ID":"a"},{"ID":"nope"}]})")).items().size() == 1);
  CHECK(world.ask("POST", "/v1/jobs/statuses", R"({"Jobs":[]})").body == "no jobs in request");
}

TEST_CASE("a parameterized job is dispatched, and what is wrong is said", "[server][http]") {
  HttpWorld world;
  REQUIRE(world.submit("param", R"(,"X":1)").status == 200);
  CHECK(world.ask("PUT", "/v1/job/param/dispatch", "{}").body == "Specified job \"param\" is not a parameterized job");
  CHECK(world.ask("PUT", "/v1/job/none/dispatch", "{}").body == "parameterized job not found");
  CHECK(world.ask("PUT", "/v1/job/param/dispatch", R"({"Payload":"***"})").body == "illegal base64 data at input byte 0");
  CHECK(world.ask("PUT", "/v1/job/param/periodic/force").body == "can't force launch non-periodic job");

  std::string job = HttpWorld::job_json("run");
  job.replace(job.find(R"("Type":"service")"), 16, R"("Type":"batch","ParameterizedJob":{"MetaRequired":["a"]})");
  REQUIRE(world.ask("PUT", "/v1/jobs", job).status == 200);
  const http::Response done = world.ask("PUT", "/v1/job/run/dispatch", R"({"Meta":{"a":"1"},"Payload":"aGk="})");
  INFO(done.body);
  REQUIRE(done.status == 200);
  CHECK(text_at(parse(done), "DispatchedJobID").starts_with("run/dispatch-"));
}

TEST_CASE("a plan with a difference shows it, with what it forces", "[server][http]") {
  HttpWorld world;
  world.add_node();
  REQUIRE(world.submit("web").status == 200);
  world.time.run_until_idle();
  std::string changed = HttpWorld::job_json("web", R"(,"Diff":true)");
  changed.replace(changed.find(R"("Count":2)"), 9, R"("Count":3)");

  const Value plan = parse(world.ask("PUT", "/v1/job/web/plan", changed));
  const Value& diff = *plan.find("Diff");
  CHECK(text_at(diff, "Type") == "Edited");
  CHECK(diff.find("TaskGroups")->items()[0].find("Fields")->items()[0].find("Annotations")->items()[0].text() == "forces create");
  CHECK(parse(world.ask("PUT", "/v1/job/web/plan", HttpWorld::job_json("web"))).find("Diff")->is_null());
}

}  // namespace
}  // namespace drover::server
