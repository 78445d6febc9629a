#pragma once

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/route.h"
#include "base/json/json.h"
#include "base/loop/duplex_pair.h"
#include "base/loop/start.h"
#include "base/loop/workers.h"
#include "base/value/value.h"
#include "model/proto/node.pb.h"
#include "model/proto/session.pb.h"
#include "server/http/event_log.h"
#include "server/http/routes.h"
#include "server/journal/memory_journal.h"
#include "server/server.h"

namespace drover::server {

/// Stands for the agents of all nodes: remembers what it was asked.
class FakeClients final : public api::ClientEndpoints {
 public:
  std::string local_node() const override { return local; }
  Async<http::Response> handle(std::string node_id, http::Request request) override {
    asked = node_id + " " + request.method + " " + request.path;
    http::Response response;
    response.body = "from the node";
    co_return response;
  }
  std::string local;
  std::string asked;
};

/// A server on virtual time behind its API, without a socket.
class HttpWorld {
 public:
  HttpWorld() : http_routes_(http_routes(parts)), api(http_routes_, allow_all, {}) {
    parts.events->follow(server);
    REQUIRE(run<Result<void>>(time, loop, server.start()).ok());
  }
  ~HttpWorld() {
    link_.reset();
    time.run_until_idle();
    run(time, loop, server.stop());
  }

  /// Sends a request and lets time pass until it is answered.
  http::Response ask(const std::string& method, const std::string& target, std::string body = "") {
    return run<http::Response>(time, loop, api.handle(request(method, target, std::move(body))));
  }
  http::Response get(const std::string& target) { return ask("GET", target); }
  /// A body that must be JSON.
  Value get_json(const std::string& target) {
    const http::Response response = get(target);
    INFO(target << ": " << response.status << " " << response.body);
    REQUIRE(response.status == 200);
    Result<Value> value = json::parse(response.body);
    REQUIRE(value.ok());
    return std::move(value).value();
  }

  /// Sends a request and leaves it; `answer` holds the response when it has come.
  std::shared_ptr<std::optional<http::Response>> begin(const std::string& target) {
    auto answer = std::make_shared<std::optional<http::Response>>();
    std::function<void(http::Response)> done = [answer](http::Response response) { answer->emplace(std::move(response)); };
    start<http::Response>(loop, api.handle(request("GET", target, "")), std::move(done));
    time.run_until_idle();
    return answer;
  }

  http::Response submit(const std::string& id, const std::string& more = "") {
    return ask("PUT", "/v1/jobs", job_json(id, more));
  }
  static std::string job_json(const std::string& id, const std::string& more = "") {
    return R"({"Job":{"ID":")" + id + R"(","Name":")" + id + R"(","Type":"service","Datacenters":["dc1"],"TaskGroups":[{"Name":"g","Count":2,)" +
           R"("Tasks":[{"Name":"main","Driver":"raw_exec","Config":{"command":"/bin/true"},"Resources":{"CPU":10,"MemoryMB":16}}]}]})" +
           more + "}";
  }

  /// A node that can run raw_exec; its id.
  std::string add_node() {
    model::FromAgent hello;
    model::Node& node = *hello.mutable_hello()->mutable_node();
    node.set_id(to_text(random.uuid()));
    node.set_name("n1");
    node.set_datacenter("dc1");
    node.set_node_pool("default");
    node.set_http_addr("127.0.0.1:4646");
    (*node.mutable_attributes())["os.name"] = "debian";
    (*node.mutable_attributes())["kernel.name"] = "linux";
    (*node.mutable_attributes())["driver.raw_exec"] = "1";
    auto& driver = (*node.mutable_drivers())["raw_exec"];
    driver.set_detected(true);
    driver.set_healthy(true);
    node.mutable_node_resources()->mutable_cpu()->set_cpu_shares(10000);
    node.mutable_node_resources()->mutable_memory()->set_memory_mb(4000);
    node.mutable_node_resources()->mutable_disk()->set_disk_mb(100000);
    hello.mutable_hello()->set_secret_id("secret");
    const std::string id = node.id();
    auto [ours, theirs] = duplex_pair<model::FromAgent, model::ToAgent>(loop, loop);
    link_ = std::move(ours);
    server.accept(std::move(theirs));
    REQUIRE(link_->send(std::move(hello)).ok());
    time.advance(1s);
    return id;
  }

  VirtualTime time;
  VirtualLoop loop{time};
  SeededRandom random{7};
  MemoryDisk disk;
  MemoryJournal journal{loop, disk};
  MemorySnapshots snapshots{disk};
  LoopWorkers workers{loop};
  Server server{Server::Parts{loop, random, journal, snapshots, workers}, ServerConfig{}};
  FakeClients clients;
  HttpParts parts{server, loop, random, clients, AgentInfo{.name = "s1", .server_id = "1d", .version = "1.2.3", .client = true},
                  std::make_shared<EventLog>(loop)};
  api::AllowAll allow_all;

 private:
  http::Request request(const std::string& method, const std::string& target, std::string body) {
    http::Request out;
    out.method = method;
    out.target = target;
    const auto question = target.find('?');
    out.path = *http::decode_percent(target.substr(0, question));
    if (question != std::string::npos) out.query = http::parse_query(target.substr(question + 1));
    out.body = std::move(body);
    out.peer = "127.0.0.1:1";
    return out;
  }

  std::vector<api::Route> http_routes_;
  std::unique_ptr<Duplex<model::FromAgent, model::ToAgent>> link_;

 public:
  api::Api api;
};

}  // namespace drover::server
