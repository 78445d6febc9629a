#include "server/http/test_world.h"

namespace drover::server {
namespace {

std::string text_at(const Value& value, std::string_view key) { return value.find(key)->text(); }
std::int64_t number_at(const Value& value, std::string_view key) { return value.find(key)->integer(); }
Value parse(const http::Response& response) { return json::parse(response.body).value(); }

TEST_CASE("a registered job can be read back, with index headers", "[server][http]") {
  HttpWorld world;

  const http::Response registered = world.submit("web");

  REQUIRE(registered.status == 200);
  const Value answer = parse(registered);
  CHECK(registered.headers.get("X-Nomad-Index") == std::to_string(number_at(answer, "Index")));
  CHECK(registered.headers.find("X-Nomad-KnownLeader") == nullptr);
  CHECK(text_at(answer, "EvalID").size() == 36);
  CHECK(number_at(answer, "JobModifyIndex") == number_at(answer, "EvalCreateIndex"));

  const http::Response read = world.get("/v1/job/web");
  const Value job = parse(read);
  CHECK(text_at(job, "ID") == "web");
  CHECK(text_at(job, "Namespace") == "default");
  CHECK(read.headers.get("X-Nomad-KnownLeader") == "true");
  CHECK(read.headers.get("X-Nomad-Index") == std::to_string(number_at(job, "ModifyIndex")));
  CHECK(world.get("/v1/job/web?pretty").body.find("\n    \"ID\": \"web\"") != std::string::npos);
}

TEST_CASE("an empty cluster answers empty lists with index 0", "[server][http]") {
  HttpWorld world;
  for (const auto* path : {"/v1/jobs", "/v1/allocations", "/v1/evaluations", "/v1/nodes", "/v1/deployments"}) {
    const http::Response response = world.get(path);
    CHECK(response.body == "[]");
    CHECK(response.headers.get("X-Nomad-Index") == "0");
  }
}

TEST_CASE("a job that is not there is 404 with the index of its table", "[server][http]") {
  HttpWorld world;
  const http::Response missing = world.get("/v1/job/none");
  CHECK(missing.status == 404);
  CHECK(missing.body == "job not found");
  CHECK(missing.headers.get("X-Nomad-Index") == "0");
  CHECK(world.get("/v1/job/none/summary").body == "job not found");
  CHECK(world.get("/v1/job/none/versions").body == "job versions not found");
  CHECK(world.get("/v1/job/none/allocations").body == "[]");
  CHECK(world.get("/v1/job/none/deployment").body == "null");
}

TEST_CASE("a job id with slashes works escaped and plain", "[server][http]") {
  HttpWorld world;
  REQUIRE(world.submit("team/app.v1").status == 200);

  CHECK(text_at(world.get_json("/v1/job/team%2Fapp.v1"), "ID") == "team/app.v1");
  CHECK(text_at(world.get_json("/v1/job/team/app.v1"), "ID") == "team/app.v1");
  CHECK(text_at(world.get_json("/v1/job/team%2Fapp.v1/summary"), "JobID") == "team/app.v1");
  CHECK(text_at(world.get_json("/v1/job/team/app.v1/summary"), "JobID") == "team/app.v1");
}

TEST_CASE("what is wrong around a job is refused with 400, in the words that clients know", "[server][http]") {
  HttpWorld world;
  const auto put = [&world](const std::string& path, const std::string& body) { return world.ask("PUT", path, body); };

  CHECK(put("/v1/jobs", "").body == "Request body is empty");
  CHECK(put("/v1/jobs", "{").status == 400);
  CHECK(put("/v1/jobs", "{}").body == "Job must be specified");
  CHECK(put("/v1/jobs", R"({"Job":null})").body == "Job must be specified");
  CHECK(put("/v1/jobs", R"({"Job":{}})").body == "Job ID hasn't been provided");
  CHECK(put("/v1/job/other", HttpWorld::job_json("web")).body == "Job ID does not match name");
  CHECK(put("/v1/jobs", HttpWorld::job_json("web", R"(,"EvalPriority":101)")).body == "Eval priority must be between 1 and 100 inclusively");
  CHECK(put("/v1/jobs", HttpWorld::job_json("web", R"(,"Region":"nowhere")")).body == "No path to region");
  CHECK(world.get("/v1/jobs").body == "[]");
}

TEST_CASE("a register that enforces an index is refused with 500 when another came first", "[server][http]") {
  HttpWorld world;
  REQUIRE(world.submit("web").status == 200);

  const http::Response zero = world.submit("web", R"(,"EnforceIndex":true,"JobModifyIndex":0)");
  CHECK(zero.status == 500);
  CHECK(zero.body == "Enforcing job modify index 0: job already exists");
}

TEST_CASE("deregistering stops or purges, and a missing job is no error", "[server][http]") {
  HttpWorld world;
  REQUIRE(world.submit("web").status == 200);

  const Value missing = parse(world.ask("DELETE", "/v1/job/none"));
  CHECK(text_at(missing, "EvalID").empty());
  CHECK(number_at(missing, "JobModifyIndex") == 0);

  CHECK(world.ask("DELETE", "/v1/job/web").status == 200);
  CHECK(world.get_json("/v1/job/web").find("Stop")->boolean());
  CHECK(world.ask("DELETE", "/v1/job/web?purge=true").status == 200);
  CHECK(world.get("/v1/job/web").status == 404);
  CHECK(world.ask("DELETE", "/v1/job/web?purge=x").body ==
        "Failed to parse value of \"purge\" (x) as a bool: strconv.ParseBool: parsing \"x\": invalid syntax");
  CHECK(world.ask("DELETE", "/v1/job/web?eval_priority=101").status == 400);
}

TEST_CASE("jobs are listed by id, by prefix and in pages", "[server][http]") {
  HttpWorld world;
  for (const auto* id : {"b", "a", "ab", "c"}) REQUIRE(world.submit(id).status == 200);
  const auto ids = [](const Value& list) {
    std::string out;
    for (const Value& job : list.items()) out += text_at(job, "ID") + " ";
    return out;
  };

  CHECK(ids(world.get_json("/v1/jobs")) == "a ab b c ");
  CHECK(ids(world.get_json("/v1/jobs?prefix=a")) == "a ab ");
  CHECK(ids(world.get_json("/v1/jobs?namespace=*")) == "a ab b c ");
  CHECK(ids(world.get_json("/v1/jobs?namespace=other")).empty());

  const http::Response first = world.get("/v1/jobs?per_page=3");
  CHECK(ids(parse(first)) == "a ab b ");
  CHECK(first.headers.get("X-Nomad-NextToken") == "default.c");
  const http::Response second = world.get("/v1/jobs?per_page=3&next_token=default.c");
  CHECK(ids(parse(second)) == "c ");
  CHECK(second.headers.find("X-Nomad-NextToken") == nullptr);
}

TEST_CASE("a filter looks at the whole job, counts before paging, and a bad one is refused without an index", "[server][http]") {
  HttpWorld world;
  for (const auto* id : {"a", "b", "c", "d"}) REQUIRE(world.submit(id).status == 200);

  const http::Response page = world.get("/v1/jobs?filter=ID+!=+b+and+TaskGroups.0.Tasks.0.Driver+==+raw_exec&per_page=2");
  CHECK(parse(page).items().size() == 2);
  CHECK(page.headers.get("X-Nomad-NextToken") == "default.d");
  CHECK(parse(world.get("/v1/jobs?filter=ID+is+empty")).items().empty());

  const http::Response malformed = world.get("/v1/jobs?filter=((");
  CHECK(malformed.status == 400);
  CHECK(malformed.body.starts_with("failed to create result paginator: failed to read filter expression: 1:3 (2): no match found, expected: "));
  const http::Response unknown = world.get("/v1/jobs?filter=Nope+==+1");
  CHECK(unknown.status == 400);
  CHECK(unknown.body.starts_with("failed to read result page: error finding value in datum: /Nope"));
  CHECK(unknown.headers.find("X-Nomad-Index") == nullptr);
  const std::int64_t counted = number_at(world.get_json("/v1/evaluations/count?filter=JobID+==+a"), "Count");
  CHECK(counted > 0);
  CHECK(counted == static_cast<std::int64_t>(world.get_json("/v1/evaluations?filter=JobID+==+a").items().size()));
}

TEST_CASE("a blocking read of a job wakes when this job changes and not for others", "[server][http]") {
  HttpWorld world;
  REQUIRE(world.submit("web").status == 200);
  world.time.advance(1s);
  const std::string index(world.get("/v1/job/web").headers.get("X-Nomad-Index"));

  const auto answer = world.begin("/v1/job/web?wait=60s&index=" + index);
  CHECK_FALSE(*answer);
  REQUIRE(world.submit("other").status == 200);
  world.time.advance(1s);
  CHECK_FALSE(*answer);

  REQUIRE(world.ask("DELETE", "/v1/job/web").status == 200);
  world.time.advance(1s);
  REQUIRE(*answer);
  CHECK(std::stoull(std::string((*answer)->headers.get("X-Nomad-Index"))) > std::stoull(index));
}

TEST_CASE("a blocking list that nothing changes comes back after its wait", "[server][http]") {
  HttpWorld world;
  const auto answer = world.begin("/v1/jobs?wait=10s&index=1");
  world.time.advance(9s);
  CHECK_FALSE(*answer);
  world.time.advance(2s);
  REQUIRE(*answer);
  CHECK((*answer)->body == "[]");
}

TEST_CASE("versions, evaluations and an evaluation on demand", "[server][http]") {
  HttpWorld world;
  REQUIRE(world.submit("web").status == 200);

  CHECK(world.get_json("/v1/job/web/versions").find("Versions")->items().size() == 1);
  CHECK(world.get("/v1/job/web/versions?diffs=x").status == 500);
  const Value evaluated = parse(world.ask("PUT", "/v1/job/web/evaluate", R"({"JobID":"web"})"));
  const std::string id = text_at(evaluated, "EvalID");
  CHECK(text_at(world.get_json("/v1/evaluation/" + id), "JobID") == "web");
  CHECK(world.get_json("/v1/job/web/evaluations").items().size() >= 2);
  CHECK(world.ask("PUT", "/v1/job/web/evaluate", R"({"JobID":"x"})").body == "JobID not same as job name");
  const http::Response missing = world.ask("PUT", "/v1/job/none/evaluate", R"({"JobID":"none"})");
  CHECK(missing.status == 500);
  CHECK(missing.body == "job not found");
}

TEST_CASE("a job file is parsed to JSON, as written or with its defaults", "[server][http]") {
  HttpWorld world;
  const std::string hcl = R"(job \"p\" {\n group \"g\" {\n task \"t\" {\n driver = \"raw_exec\"\n }\n }\n })";

  const Value plain = parse(world.ask("PUT", "/v1/jobs/parse", R"({"JobHCL":")" + hcl + R"("})"));
  CHECK(text_at(plain, "ID") == "p");
  CHECK(plain.find("Priority")->is_null());
  const Value full = parse(world.ask("PUT", "/v1/jobs/parse", R"({"JobHCL":")" + hcl + R"(","Canonicalize":true})"));
  CHECK(number_at(full, "Priority") == 50);

  CHECK(world.ask("PUT", "/v1/jobs/parse", R"({"JobHCL":""})").body == "Job spec is empty");
  const http::Response bad = world.ask("PUT", "/v1/jobs/parse", R"({"JobHCL":"job \"x\" {"})");
  CHECK(bad.status == 400);
  CHECK(bad.body.find("Failed to parse job: input.hcl:1,9-10: ") == 0);
}

TEST_CASE("validating tells everything that is wrong and changes nothing", "[server][http]") {
  HttpWorld world;
  const Value good = parse(world.ask("PUT", "/v1/validate/job", HttpWorld::job_json("web")));
  CHECK(text_at(good, "Error").empty());
  CHECK(good.find("ValidationErrors")->is_null());

  const Value bad = parse(world.ask("PUT", "/v1/validate/job", R"({"Job":{"ID":"x","Name":"x"}})"));
  CHECK(text_at(bad, "Error").find("Missing job task groups") != std::string::npos);
  CHECK(world.get("/v1/jobs").body == "[]");
}

}  // namespace
}  // namespace drover::server
