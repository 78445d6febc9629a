#include "server/http/test_world.h"

namespace drover::server {
namespace {

constexpr const char* nobody = "11111111-2222-3333-4444-555555555555";

std::string text_at(const Value& value, std::string_view key) { return value.find(key)->text(); }
Value parse(const http::Response& response) { return json::parse(response.body).value(); }

TEST_CASE("a node is listed and read, and its eligibility set", "[server][http]") {
  HttpWorld world;
  const std::string id = world.add_node();

  const Value list = world.get_json("/v1/nodes");
  REQUIRE(list.items().size() == 1);
  CHECK(text_at(list.items()[0], "ID") == id);
  CHECK(text_at(list.items()[0], "Address") == "127.0.0.1");
  CHECK(text_at(list.items()[0], "SchedulingEligibility") == "eligible");
  CHECK(world.get_json("/v1/nodes?prefix=" + id.substr(0, 4)).items().size() == 1);
  CHECK(text_at(*world.get_json("/v1/nodes?os=true").items()[0].find("Attributes"), "os.name") == "debian");

  const Value node = world.get_json("/v1/node/" + id);
  CHECK(text_at(node, "Name") == "n1");
  CHECK(node.find("SecretID")->text() == "");

  const http::Response set = world.ask("PUT", "/v1/node/" + id + "/eligibility", R"({"Eligibility":"ineligible"})");
  CHECK(set.status == 200);
  CHECK(parse(set).find("EvalIDs")->is_null());
  CHECK(text_at(world.get_json("/v1/node/" + id), "SchedulingEligibility") == "ineligible");
  CHECK(world.ask("PUT", "/v1/node/" + id + "/eligibility", R"({"Eligibility":"maybe"})").body ==
        "invalid scheduling eligibility \"maybe\"");
}

TEST_CASE("ids that are none, and those of nothing, are told apart", "[server][http]") {
  HttpWorld world;
  CHECK(world.get("/v1/node/nope").status == 500);
  CHECK(world.get("/v1/node/nope").body == "node lookup failed: index error: UUID must be 36 characters");
  CHECK(world.get(std::string("/v1/node/") + nobody).status == 404);
  CHECK(world.get(std::string("/v1/allocation/") + nobody).body == "alloc not found");
  CHECK(world.get("/v1/allocation/nope").body == "alloc lookup failed: index error: UUID must be 36 characters");
  CHECK(world.get(std::string("/v1/evaluation/") + nobody).body == "eval not found");
  CHECK(world.get(std::string("/v1/deployment/") + nobody).body == "deployment not found");
  CHECK(world.ask("PUT", std::string("/v1/allocation/") + nobody + "/stop").body == "allocation not found");
  CHECK(world.ask("PUT", std::string("/v1/node/") + nobody + "/evaluate").body == "node not found");
  CHECK(world.get("/v1/nodes?prefix=zz").body == "node lookup failed: index error: Invalid UUID: encoding/hex: invalid byte: U+007A 'z'");
  CHECK(world.get("/v1/evaluations?prefix=zzz").body == "eval lookup failed: index error: Input (without hyphens) must be even length");
}

TEST_CASE("allocations are listed by creation, in pages, reversed, and read with their job", "[server][http]") {
  HttpWorld world;
  const std::string node = world.add_node();
  REQUIRE(world.submit("one").status == 200);
  world.time.advance(1s);
  REQUIRE(world.submit("two").status == 200);
  world.time.advance(1s);
  const auto jobs = [](const Value& list) {
    std::string out;
    for (const Value& alloc : list.items()) out += text_at(alloc, "JobID") + " ";
    return out;
  };

  CHECK(jobs(world.get_json("/v1/allocations")) == "one one two two ");
  CHECK(jobs(world.get_json("/v1/allocations?reverse=true")) == "two two one one ");
  std::string token;
  std::string all;
  for (int page = 0; page < 4; ++page) {
    const http::Response response = world.get("/v1/allocations?per_page=1" + (token.empty() ? "" : "&next_token=" + token));
    all += jobs(parse(response));
    token = response.headers.get("X-Nomad-NextToken");
  }
  CHECK(all == "one one two two ");
  CHECK(token.empty());

  const std::string id = text_at(world.get_json("/v1/job/one/allocations").items()[0], "ID");
  const Value alloc = world.get_json("/v1/allocation/" + id);
  CHECK(text_at(*alloc.find("Job"), "ID") == "one");
  CHECK(text_at(alloc, "NodeID") == node);
  CHECK(world.get_json("/v1/node/" + node + "/allocations").items().size() == 4);
  CHECK(world.get_json("/v1/allocations?prefix=" + id.substr(0, 8)).items().size() == 1);
  CHECK(world.get_json("/v1/evaluation/" + text_at(alloc, "EvalID") + "/allocations").items().size() == 2);

  CHECK(text_at(parse(world.ask("PUT", "/v1/allocation/" + id + "/stop")), "EvalID").size() == 36);
}

TEST_CASE("client endpoints are answered by the agent of the node that is meant", "[server][http]") {
  HttpWorld world;
  const std::string node = world.add_node();
  REQUIRE(world.submit("web").status == 200);
  world.time.advance(1s);
  const std::string alloc = text_at(world.get_json("/v1/allocations").items()[0], "ID");

  CHECK(world.get("/v1/client/fs/ls/" + alloc).body == "from the node");
  CHECK(world.clients.asked == node + " GET /v1/client/fs/ls/" + alloc);
  CHECK(world.ask("PUT", "/v1/client/allocation/" + alloc + "/restart", "{}").body == "from the node");
  CHECK(world.get("/v1/client/allocation/" + alloc + "/signal").status == 405);
  CHECK(world.get("/v1/client/fs/logs/" + alloc).body == "must provide task name");
  CHECK(world.get("/v1/client/fs/logs/" + alloc + "?task=main&type=x").body == "must provide log type (stdout/stderr)");
  CHECK(world.get("/v1/client/fs/stat/" + alloc).body == "must provide a file name");
  CHECK(world.get("/v1/client/fs/nope/" + alloc).body == "Invalid method");
  CHECK(world.get("/v1/client/fs/ls/").body == "must provide a valid alloc id");
  CHECK(world.get(std::string("/v1/client/fs/ls/") + nobody).body == std::string("Unknown allocation \"") + nobody + "\"");

  CHECK(world.get("/v1/client/stats").body == "No local Node and node_id not provided");
  CHECK(world.get("/v1/client/stats?node_id=" + node).body == "from the node");
  CHECK(world.get(std::string("/v1/client/stats?node_id=") + nobody).status == 404);
  world.clients.local = node;
  CHECK(world.get("/v1/client/stats").body == "from the node");
}

TEST_CASE("the agent tells of itself, its leader and its health", "[server][http]") {
  HttpWorld world;
  CHECK(world.get("/v1/status/leader").body == "\"127.0.0.1:4647\"");
  CHECK(world.get("/v1/status/peers").body == "[\"127.0.0.1:4647\"]");
  CHECK(world.get("/v1/regions").body == "[\"global\"]");
  CHECK(world.get("/v1/status/leader?region=nowhere").body == "No path to region");
  CHECK(text_at(*world.get_json("/v1/agent/self").find("member"), "Name") == "s1.global");
  CHECK(text_at(world.get_json("/v1/agent/members"), "ServerName") == "s1");
  CHECK(world.get("/v1/agent/health").body == R"({"client":{"message":"ok","ok":true},"server":{"message":"ok","ok":true}})");
  CHECK(world.get("/v1/agent/health?type=server").body == R"({"server":{"message":"ok","ok":true}})");
  world.parts.info.client_problem = [] { return std::string("no server"); };
  CHECK(world.get("/v1/agent/health").status == 500);
  CHECK(world.get("/v1/agent/servers").body == "[\"127.0.0.1:4647\"]");
  CHECK(world.get("/").status == 307);
  CHECK(world.get("/v1/nope").status == 404);
}

TEST_CASE("metrics are given as JSON and for Prometheus", "[server][http]") {
  HttpWorld world;
  REQUIRE(world.submit("web").status == 200);
  CHECK(world.get("/v1/metrics").body.find("nomad.nomad.job_status.") != std::string::npos);
  const http::Response prometheus = world.get("/v1/metrics?format=prometheus");
  CHECK(prometheus.body.find("nomad_nomad_job_summary_queued{host=") != std::string::npos);
  world.parts.info.prometheus = false;
  CHECK(world.get("/v1/metrics?format=prometheus").status == 415);
}

TEST_CASE("the scheduler's configuration is read and set", "[server][http]") {
  HttpWorld world;
  const std::string path = "/v1/operator/scheduler/configuration";
  const Value before = world.get_json(path);
  CHECK(before.find("Index")->integer() == 1);

  const http::Response set = world.ask("PUT", path, R"({"SchedulerAlgorithm":"spread","PreemptionConfig":{"BatchSchedulerEnabled":true}})");
  CHECK(set.status == 200);
  CHECK(set.body.find(R"("Updated":true)") != std::string::npos);
  const Value after = *world.get_json(path).find("SchedulerConfig");
  CHECK(text_at(after, "SchedulerAlgorithm") == "spread");
  CHECK(after.find("PreemptionConfig")->find("BatchSchedulerEnabled")->boolean());
  CHECK_FALSE(after.find("PreemptionConfig")->find("SystemSchedulerEnabled")->boolean());

  CHECK(world.ask("POST", path + "?cas=99", "{}").body.find(R"("Updated":false)") != std::string::npos);
  CHECK(world.ask("PUT", path + "?cas=x", "{}").body == "Error parsing cas value: strconv.ParseUint: parsing \"x\": invalid syntax");
  CHECK(world.ask("PUT", path, R"({"SchedulerAlgorithm":"nope"})").status == 400);
  CHECK(world.ask("PUT", path, R"({"SchedulerAlgorithm":"nope"})").body == "invalid scheduler algorithm: nope");
  CHECK(world.ask("PUT", path, "{").body == "Error parsing scheduler config: unexpected EOF");
  CHECK(world.ask("PUT", path, "null").status == 200);
}

TEST_CASE("garbage collection, the scheduler's configuration and the default namespace", "[server][http]") {
  HttpWorld world;
  CHECK(world.ask("PUT", "/v1/system/gc").status == 200);
  CHECK(world.ask("POST", "/v1/system/gc").status == 405);
  CHECK(text_at(*world.get_json("/v1/operator/scheduler/configuration").find("SchedulerConfig"), "SchedulerAlgorithm") == "binpack");
  CHECK(text_at(world.get_json("/v1/namespaces").items()[0], "Name") == "default");
  CHECK(world.get("/v1/namespaces?prefix=x").body == "[]");
  CHECK(world.get("/v1/namespace/other").body == "Namespace not found");
}

}  // namespace
}  // namespace drover::server
