#include "plugins/docker/engine.h"

#include <catch2/catch.hpp>

#include "plugins/docker/container_watch.h"
#include "plugins/docker/fake_engine.h"
#include "plugins/docker/fingerprint.h"
#include "plugins/docker/images.h"
#include "plugins/docker/options.h"
#include "plugins/docker/reap.h"
#include "plugins/docker/usage.h"

namespace drover::docker {

using namespace std::chrono_literals;

TEST_CASE("the version spoken is the newest that both know", "[docker]") {
  CHECK(*negotiate("1.12", "1.41") == "1.41");
  CHECK(*negotiate("1.44", "1.52") == "1.52");
  CHECK(*negotiate("1.44", "1.60") == "1.52");
  CHECK(negotiate("1.12", "1.40").error().message.starts_with("the engine is too old"));
  CHECK(negotiate("1.53", "1.60").error().message.starts_with("the engine is too new"));
  CHECK_FALSE(negotiate("", "").ok());
  CHECK(compare_versions("1.9", "1.41") < 0);
}

TEST_CASE("endpoints", "[docker]") {
  CHECK(parse_endpoint("unix:///run/docker.sock")->socket_path == "/run/docker.sock");
  CHECK(parse_endpoint("/run/docker.sock")->base_url == "http://docker");
  CHECK(parse_endpoint("tcp://10.0.0.1:2375/")->base_url == "http://10.0.0.1:2375");
  CHECK(parse_endpoint("https://h:2376")->is_tls());
  CHECK_FALSE(parse_endpoint("ssh://h").ok());
  CHECK_FALSE(parse_endpoint("tcp://").ok());
  CHECK(url_encoded("a b&c=d/e:f") == "a%20b%26c%3Dd/e:f");
}

TEST_CASE("an engine's refusals keep its words and get a code", "[docker]") {
  const Error error = error_of({409, R"({"message":"Conflict. The name is in use.\n"})"}, "create container 'x'");
  CHECK(error == fail(Code::conflict, "create container 'x': Conflict. The name is in use"));
  CHECK(error_of({500, "plain words"}, "x").code == Code::unavailable);
  CHECK(error_of({404, ""}, "x").message == "x: status 404");
}

TEST_CASE("a name that a cut short start left in a network is freed, and the start may be tried again", "[docker]") {
  FakeEngine fake;
  fake.answer("/version", http_answer(200, R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})"));
  fake.answer("/start", http_answer(403, R"({"message":"endpoint with name t-1 already exists in network web"})"));
  fake.answer("/networks/web/disconnect", http_answer(200, ""));
  Engine engine(*parse_endpoint("unix://" + fake.path()));
  CHECK(engine.start("c").error() == fail(Code::conflict, "start container: endpoint with name t-1 already exists in network web"));
  CHECK(fake.requests("/networks/web/disconnect") == 1);
  CHECK(fake.requests("/start") == 2);
}

TEST_CASE("an engine that is not there, dies or talks nonsense is an error that names it", "[docker]") {
  FakeEngine fake;
  {
    Engine nobody(*parse_endpoint("unix://" + fake.path() + ".not"));
    CHECK(nobody.facts().error().code == Code::unavailable);
    CHECK(nobody.facts().error().message.find(fake.path()) != std::string::npos);
  }
  Engine engine(*parse_endpoint("unix://" + fake.path()));
  for (const char* answer : {"", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "HTTP/1.1 200 OK\r\nContent-Len", "what?\r\n\r\n"}) {
    fake.answer_all(answer);
    CHECK(engine.inspect("x").error().code == Code::unavailable);
  }
  fake.answer_all(http_answer(200, "not json"));
  CHECK_FALSE(engine.facts().ok());
  fake.answer_all(http_answer(200, "{}"));
  CHECK(engine.facts().error().code == Code::unsupported);
  fake.answer("/version", http_answer(200, R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})"));
  fake.answer_all(http_answer(500, R"({"message":"driver failed"})"));
  CHECK(engine.start("x").error() == fail(Code::unavailable, "start container: driver failed"));
}

TEST_CASE("an engine that hangs costs no more than the time limit", "[docker]") {
  FakeEngine fake;
  fake.hang_all();
  Http http(*parse_endpoint("unix://" + fake.path()));
  Request request;
  request.target = "/x";
  request.limit = 50ms;
  CHECK(http.call(request).error().code == Code::timeout);
}

TEST_CASE("the end of a container is told, whatever happens to the connection", "[docker]") {
  FakeEngine fake;
  const std::string running = http_answer(200, R"({"Id":"x","State":{"Status":"running"}})");
  fake.answer("/wait", "");
  fake.answer_all(running);
  Engine engine(*parse_endpoint("unix://" + fake.path()));
  std::promise<sdk::Exit> told;
  std::atomic<int> lost = 0;
  auto watch = std::make_shared<ContainerWatch>(engine, "x", ContainerWatch::Events{[&told](const sdk::Exit& exit) { told.set_value(exit); }, [&lost](const std::string&) { ++lost; }, {}});
  watch->begin();
  fake.wait_requests(3);
  fake.answer_all("");  // gone
  fake.wait_requests(6);
  fake.answer("/version", http_answer(200, R"({"ApiVersion":"1.44","MinAPIVersion":"1.44"})"));
  fake.answer("/v1.41/", http_answer(400, R"({"message":"client version 1.41 is too old"})"));
  fake.answer_all(http_answer(200, R"({"Id":"x","State":{"Status":"exited","ExitCode":137,"OOMKilled":true}})"));

  const sdk::Exit exit = told.get_future().get();

  CHECK(exit.code == 137);
  CHECK(exit.oom_killed);
  CHECK(exit.error == "OOM Killed");
  CHECK(lost == 1);
}

TEST_CASE("an engine that breaks off is asked again for as long as there is patience, one that refuses is not", "[docker]") {
  FakeEngine fake;
  fake.answer("/version", http_answer(200, R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})"));
  Engine engine(*parse_endpoint("unix://" + fake.path()));

  fake.answer("/start", "HTTP/1.1 204 No");
  fake.answer("/x/json", "");
  std::thread recovery([&fake] {
    fake.wait_requests(4);
    fake.answer("/x/json", http_answer(200, R"({"Id":"x","State":{"Status":"created"}})"));
    fake.wait_requests(4);
    fake.answer("/start", http_answer(204, ""));
  });
  CHECK(engine.start("x", 60s).ok());
  recovery.join();

  // It was started by the one whose answer was lost, and has ended since: it is not run twice.
  fake.answer("/start", "HTTP/1.1 204 No");
  fake.answer("/x/json", http_answer(200, R"({"Id":"x","State":{"Status":"exited"}})"));
  const int starts = fake.requests("/start");
  CHECK(engine.start("x", 60s).ok());
  CHECK(fake.requests("/start") == starts + 1);

  fake.answer("/start", http_answer(500, R"({"message":"port is already allocated"})"));
  const int before = fake.requests("/start");
  CHECK(engine.start("x", 30s).error().message == "start container: port is already allocated");
  CHECK(fake.requests("/start") == before + 1);
}

TEST_CASE("a container that was removed has an unknown end", "[docker]") {
  FakeEngine fake;
  fake.answer_all(http_answer(404, R"({"message":"No such container: x"})"));
  Engine engine(*parse_endpoint("unix://" + fake.path()));
  std::promise<sdk::Exit> told;
  auto watch = std::make_shared<ContainerWatch>(engine, "x", ContainerWatch::Events{[&told](const sdk::Exit& exit) { told.set_value(exit); }, {}, {}});
  watch->begin();
  CHECK(told.get_future().get() == sdk::Exit::unknown("the container is gone: it was removed from outside"));
}

TEST_CASE("a registry that stalls ends the pull at the caller's limit", "[docker]") {
  FakeEngine fake;
  fake.answer("/version", http_answer(200, R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})"));
  fake.answer("/images/create", "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{\"status\":\"Waiting\",\"id\":\"a\"}\n", true);
  fake.answer_all(http_answer(404, "{}"));
  Engine engine(*parse_endpoint("unix://" + fake.path()));
  Images images(engine);
  std::vector<std::string> said;

  Images::Wanted wanted{*parse_image("ghcr.io/a/b:1"), {}, false, 10ms, 60s};
  const auto got = images.fetch(wanted, [&said](const std::string& message) { said.push_back(message); });

  CHECK(got.error().code == Code::unavailable);
  CHECK(got.error().message.find("image_pull_timeout") != std::string::npos);
  CHECK(said == std::vector<std::string>{"Downloading image"});
}

TEST_CASE("those who want one image share its pull", "[docker]") {
  FakeEngine fake;
  fake.answer("/version", http_answer(200, R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})"));
  fake.answer("/images/create", http_answer(404, R"({"message":"manifest for ghcr.io/a/b:1 not found: manifest unknown"})"));
  fake.answer_all(http_answer(404, "{}"));
  Engine engine(*parse_endpoint("unix://" + fake.path()));
  Images images(engine);
  std::vector<std::thread> threads;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&images, &refused] {
      const auto got = images.fetch({*parse_image("ghcr.io/a/b:1")}, [](const std::string&) {});
      if (!got && got.error().code == Code::not_found) ++refused;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(refused == 4);
  CHECK(fake.requests("/images/create") <= 4);
}

TEST_CASE("only images that drover pulled are its to remove", "[docker]") {
  FakeEngine fake;
  Engine engine(*parse_endpoint("unix://" + fake.path()));
  Images images(engine);
  images.hold("sha256:1", "a:1", "task-1", true);
  images.hold("sha256:1", "a:1", "task-2", false);
  images.hold("sha256:2", "b:1", "task-1", false);
  CHECK_FALSE(images.release("sha256:1", "task-1"));
  CHECK(images.release("sha256:1", "task-2"));
  CHECK_FALSE(images.release("sha256:2", "task-1"));
  CHECK_FALSE(images.release("sha256:3", "task-1"));
  images.hold("sha256:1", "a:1", "task-3", false);
  CHECK(images.remove_unused("sha256:1").ok());
  CHECK(fake.requests("") == 0);
}

TEST_CASE("leftovers are our node's, old, and nobody's", "[docker]") {
  const auto labelled = [](const char* node) { return std::map<std::string, std::string>{{"io.drover.node_id", node}, {"io.drover.task_id", "t"}}; };
  const std::vector<ListedContainer> all{{"old", "running", 100, labelled("n1")},   {"young", "running", 900, labelled("n1")}, {"known", "exited", 100, labelled("n1")},
                                         {"other", "running", 100, labelled("n2")}, {"foreign", "running", 100, {}}};
  CHECK(leftovers(all, {"known"}, "n1", 500) == std::vector<std::string>{"old"});
}

TEST_CASE("statistics of both versions of control groups", "[docker]") {
  const auto v2 = parse_usage(
      R"({"cpu_stats":{"cpu_usage":{"total_usage":300,"usage_in_kernelmode":100,"usage_in_usermode":200},"system_cpu_usage":2000,"online_cpus":4,"throttling_data":{"throttled_periods":3}},
          "precpu_stats":{"cpu_usage":{"total_usage":100,"usage_in_kernelmode":50,"usage_in_usermode":50},"system_cpu_usage":1000},
          "memory_stats":{"usage":5000,"stats":{"anon":1000,"file":2000}}})",
      2000);
  CHECK(v2->total.cpu.percent == Approx(80));
  CHECK(v2->total.cpu.user_percent == Approx(60));
  CHECK(v2->total.cpu.ticks_mhz == Approx(1600));
  CHECK(v2->total.cpu.throttled_periods == 3);
  CHECK(v2->total.memory.rss == 1000);
  CHECK(v2->total.memory.cache == 2000);
  CHECK(v2->total.memory.measured == std::vector<std::string>{"RSS", "Cache", "Swap", "Usage"});
  const auto v1 = parse_usage(R"({"cpu_stats":{"system_cpu_usage":1},"memory_stats":{"usage":5000,"max_usage":6000,"stats":{"rss":1,"cache":2,"swap":3}}})", 0);
  CHECK(v1->total.memory.max_usage == 6000);
  CHECK(v1->total.memory.swap == 3);
  CHECK_FALSE(parse_usage(R"({"cpu_stats":{}})", 0).ok());
  CHECK_FALSE(parse_usage("[]", 0).ok());
}

TEST_CASE("the fingerprint says what was found, or why nothing was", "[docker]") {
  EngineFacts facts;
  facts.version = "20.10.24";
  facts.runtimes = {"crun", "runc"};
  facts.limits = {{"MemoryLimit", true}};
  PluginOptions options;
  const auto found = engine_found(facts, options);
  CHECK(found.health == sdk::Health::healthy);
  CHECK(found.attributes.at("driver.docker") == sdk::Attribute(true));
  CHECK(found.attributes.at("driver.docker.runtimes") == sdk::Attribute("crun,runc"));
  CHECK_FALSE(found.attributes.contains("driver.docker.volumes.enabled"));
  facts.limits["MemoryLimit"] = false;
  CHECK(engine_found(facts, options).health == sdk::Health::unhealthy);
  const Endpoint nowhere = *parse_endpoint("unix:///nowhere/docker.sock");
  const Error error = fail(Code::unavailable, "x");
  CHECK(engine_missing(error, nowhere, false) == sdk::Fingerprint::undetected("no docker engine: /nowhere/docker.sock does not exist"));
  CHECK(engine_missing(error, nowhere, true).health == sdk::Health::unhealthy);
}

TEST_CASE("options that cannot be are refused with their names", "[docker]") {
  Options options;
  CHECK_FALSE(options.check().ok());
  options.image = "a";
  CHECK(options.check().ok());
  options.load = "image.tar";
  CHECK(options.check().error() == fail(Code::unsupported, "option load is not supported yet: have the image in the engine, or in a registry"));
  options.load = "";
  options.cpu_cfs_period = 1'000'001;
  CHECK_FALSE(options.check().ok());
  PluginOptions plugin;
  CHECK(plugin.check().ok());
  plugin.gc.dangling_containers.creation_grace = "59s";
  CHECK(plugin.check().error().message == "gc.dangling_containers.creation_grace must be at least 1m, not \"59s\"");
  plugin.gc.dangling_containers.creation_grace = "2m";
  plugin.gc.image_delay = "soon";
  CHECK(plugin.check().error().message.starts_with("gc.image_delay"));
  CHECK(*parse_duration("x", "1m30s") == 90s);
  for (const char* wrong : {"", "5", "1x", "-1s", "s"}) CHECK_FALSE(parse_duration("x", wrong).ok());
}

}  // namespace drover::docker
