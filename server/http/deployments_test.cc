#include "model/proto/alloc.pb.h"
#include "server/http/test_world.h"

// What operators ask of deployments, and what they do with them.
namespace drover::server {
namespace {

constexpr auto nobody = "11111111-2222-3333-4444-555555555555";

std::string text_at(const Value& value, std::string_view key) { return value.find(key)->text(); }

/// A job whose allocations are healthy when somebody says so.
struct DeployWorld : HttpWorld {
  DeployWorld() { add_node(); }

  std::string deploy(const std::string& value, const std::string& update = R"("MaxParallel":2)") {
    std::string job = job_json("web");
    job.replace(job.find(R"("Count":2,)"), 10, R"("Count":2,"Update":{"HealthCheck":"manual",)" + update + "},");
    job.replace(job.find(R"("Resources")"), 0, R"("Env":{"V":")" + value + R"("},)");
    REQUIRE(ask("PUT", "/v1/jobs", job).status == 200);
    time.advance(1s);
    return text_at(get_json("/v1/job/web/deployment"), "ID");
  }

  http::Response act(const std::string& verb, const std::string& id, const std::string& more = "") {
    return ask("PUT", "/v1/deployment/" + verb + "/" + id, R"({"DeploymentID":")" + id + "\"" + more + "}");
  }

  /// Says of all allocations of the deployment whether they are healthy.
  http::Response set_health(const std::string& id, const std::string& key) {
    std::string ids;
    const Value allocs = get_json("/v1/deployment/allocations/" + id);
    for (const Value& alloc : allocs.items()) ids += (ids.empty() ? "\"" : ",\"") + text_at(alloc, "ID") + "\"";
    http::Response response = act("allocation-health", id, ",\"" + key + "\":[" + ids + "]");
    time.advance(1s);
    return response;
  }

  std::string status(const std::string& id) { return text_at(get_json("/v1/deployment/" + id), "StatusDescription"); }
};

}  // namespace

TEST_CASE("a deployment is read, listed, and successful when its allocations are said to be healthy", "[server][http]") {
  DeployWorld world;
  const std::string id = world.deploy("a");

  CHECK(text_at(world.get_json("/v1/deployments").items()[0], "ID") == id);
  CHECK(world.get_json("/v1/job/web/deployments").items().size() == 1);
  const Value allocs = world.get_json("/v1/deployment/allocations/" + id);
  REQUIRE(allocs.items().size() == 2);
  CHECK(text_at(world.get_json("/v1/allocation/" + text_at(allocs.items()[0], "ID")), "DeploymentID") == id);
  CHECK(world.status(id) == "Deployment is running");

  CHECK(world.set_health(id, "HealthyAllocationIDs").status == 200);
  CHECK(world.status(id) == "Deployment completed successfully");
  CHECK(world.get_json("/v1/job/web").find("Stable")->boolean());
  CHECK(world.act("fail", id).body == "can't fail terminal deployment");
}

TEST_CASE("a read of a deployment waits for what changes it", "[server][http]") {
  DeployWorld world;
  const std::string id = world.deploy("a");
  const auto index = std::string(world.get("/v1/deployment/" + id).headers.get("X-Nomad-Index"));

  const auto waiting = world.begin("/v1/deployment/" + id + "?wait=5m&index=" + index);
  CHECK_FALSE(*waiting);
  REQUIRE(world.act("pause", id, ",\"Pause\":true").status == 200);
  world.time.run_until_idle();
  REQUIRE(*waiting);
  CHECK((*waiting)->body.find("Deployment is paused") != std::string::npos);
  REQUIRE(world.act("pause", id, ",\"Pause\":false").status == 200);
  CHECK(world.status(id) == "Deployment is running");
}

TEST_CASE("canaries are promoted when they are healthy, and not before", "[server][http]") {
  DeployWorld world;
  REQUIRE(world.set_health(world.deploy("a"), "HealthyAllocationIDs").status == 200);
  const std::string id = world.deploy("b", R"("MaxParallel":1,"Canary":1)");
  CHECK(world.status(id) == "Deployment is running but requires manual promotion");

  const http::Response early = world.act("promote", id, ",\"All\":true");
  CHECK(early.status == 500);
  CHECK(early.body.find("Task group \"g\" has 0/1 healthy allocations") != std::string::npos);
  REQUIRE(world.set_health(id, "HealthyAllocationIDs").status == 200);
  CHECK(world.act("promote", id, ",\"All\":true").status == 200);
  CHECK(world.get_json("/v1/deployment/" + id).find("TaskGroups")->find("g")->find("Promoted")->boolean());
}

TEST_CASE("what is unhealthy goes back to the last stable version, and the answer says to which", "[server][http]") {
  DeployWorld world;
  REQUIRE(world.set_health(world.deploy("a"), "HealthyAllocationIDs").status == 200);
  const std::string id = world.deploy("b", R"("MaxParallel":1,"AutoRevert":true)");

  const http::Response failed = world.set_health(id, "UnhealthyAllocationIDs");
  CHECK(failed.body.find("\"RevertedJobVersion\":0") != std::string::npos);
  CHECK(world.status(id) == "Failed due to unhealthy allocations - rolling back to job version 0");
  CHECK(world.get_json("/v1/job/web").find("Version")->integer() == 2);
}

TEST_CASE("what is wrong with an action on a deployment is said, in its order", "[server][http]") {
  DeployWorld world;
  const std::string id = world.deploy("a");
  for (const std::string verb : {"pause", "promote", "unblock", "allocation-health"}) {
    CHECK(world.ask("PUT", "/v1/deployment/" + verb + "/" + id).body == "Request body is empty");
    CHECK(world.ask("PUT", "/v1/deployment/" + verb + "/" + id, "{}").body == "DeploymentID must be specified");
    CHECK(world.ask("PUT", "/v1/deployment/" + verb + "/" + id, std::string(R"({"DeploymentID":")") + nobody + "\"}").body == "Deployment ID does not match");
    CHECK(world.act(verb, nobody, R"(,"HealthyAllocationIDs":["x"])").body == "deployment not found");
  }
  CHECK(world.act("fail", nobody).status == 500);
  CHECK(world.act("unblock", id).body.find("\"EvalID\":\"\"") != std::string::npos);
  CHECK(world.act("allocation-health", id, R"(,"HealthyAllocationIDs":["nope"])").body == "unknown alloc \"nope\"");
  CHECK(world.act("allocation-health", id).body == "must specify at least one healthy/unhealthy allocation ID");
}

}  // namespace drover::server
