#include "agent/http/client_api.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/alloc/alloc_runner.h"
#include "agent/testing/fixed_facts.h"
#include "agent/testing/fixtures.h"
#include "base/json/json.h"
#include "base/loop/start.h"
#include "model/proto/alloc.pb.h"

namespace drover::agent {
namespace {

namespace fs = std::filesystem;

struct Gathered final : http::StreamWriter {
  Async<bool> write(std::string chunk) override {
    text += chunk;
    co_return !gone;
  }
  Async<bool> flush() override { co_return !gone; }
  std::string text;
  bool gone = false;
};

/// One allocation that runs on simulated drivers, with real files.
struct Fixture final : ClientApi::Owner {
  explicit Fixture(const std::string& config = "{}", const std::string& type = "service") {
    std::string name = (fs::temp_directory_path() / "drover-api-XXXXXX").string();
    machine.folders.root = ::mkdtemp(name.data());
    root = machine.folders.root + "/" + test_alloc_id;
    fs::create_directories(root + "/alloc/logs");
    fs::create_directories(root + "/server/local");
    life = std::make_unique<TestLife>(machine.time, machine.machine, machine.disk, machine.folders);
    workers = std::make_unique<LoopWorkers>(life->loop);
    const auto alloc = make_alloc([&](model::Allocation& its, model::TaskGroup& group) {
      its.mutable_job()->set_type(type);
      group.mutable_tasks(0)->set_config(config);
    });
    runner = std::make_unique<AllocRunner>(life->world, alloc, [](const AllocRunner&) {});
    runner->start();
    machine.time.advance(1s);
    api = std::make_unique<ClientApi>(ClientApi::Parts{life->loop, *workers, life->drivers, life->files, facts}, *this);
  }
  ~Fixture() override {
    run(machine.time, life->loop, runner->stop());
    fs::remove_all(machine.folders.root);
  }

  AllocRunner* find_alloc(const std::string& id) override { return id == test_alloc_id ? runner.get() : nullptr; }
  Result<void> collect(const std::string& id) override {
    collected = id;
    return {};
  }
  void collect_all() override { collected = "all"; }

  http::Response ask(const std::string& method, const std::string& path, const http::Query& query = {},
                     const std::string& body = "") {
    http::Request request;
    request.method = method;
    request.path = "/v1/client/" + path;
    request.query = query;
    request.body = body;
    return run(machine.time, life->loop, api->handle(request));
  }
  http::Response files(const std::string& what, const http::Query& query) {
    return ask("GET", "fs/" + what + "/" + test_alloc_id, query);
  }
  std::string body(http::Response response) {
    if (!response.stream) return response.body;
    Gathered out;
    run(machine.time, life->loop, response.stream(out));
    return out.text;
  }
  void log(int index, const std::string& text, const std::string& type = "stdout") {
    std::ofstream(root + "/alloc/logs/server." + type + "." + std::to_string(index), std::ios::app) << text;
  }

  TestMachine machine;
  std::string root;
  std::unique_ptr<TestLife> life;
  std::unique_ptr<LoopWorkers> workers;
  FixedFacts facts;
  std::unique_ptr<AllocRunner> runner;
  std::unique_ptr<ClientApi> api;
  std::string collected;
};

}  // namespace

TEST_CASE("files of an allocation are listed, described and read", "[agent]") {
  Fixture f;
  std::ofstream(f.root + "/server/local/f.txt") << "hello world";
  std::ofstream(f.root + "/server/local/p.html") << "<b>html</b>";

  const auto listed = json::parse(f.files("ls", {{"path", "server/local"}}).body);
  REQUIRE(listed);
  CHECK(*listed->items().at(0).find("Name") == Value("f.txt"));
  CHECK(*json::parse(f.files("stat", {{"path", "server/local/f.txt"}}).body)->find("Size") == Value(11));
  CHECK(f.body(f.files("cat", {{"path", "server/local/f.txt"}})) == "hello world");
  CHECK(f.files("cat", {{"path", "server/local/p.html"}}).headers.get("Content-Type") == "text/plain");
  CHECK(f.body(f.files("readat", {{"path", "server/local/f.txt"}, {"offset", "6"}, {"limit", "3"}})) == "wor");
  CHECK(f.body(f.files("stream",
                       {{"path", "server/local/f.txt"}, {"origin", "end"}, {"offset", "5"}, {"follow", "false"}})) ==
        R"({"Data":"d29ybGQ=","File":"server/local/f.txt","Offset":11})");
}

TEST_CASE("what is asked wrongly is refused with the texts that clients know", "[agent]") {
  Fixture f;
  const auto refused = [&f](const std::string& what, const http::Query& query, int status, const std::string& text) {
    CAPTURE(what, text);
    const http::Response response = f.files(what, query);
    CHECK(response.status == status);
    CHECK(response.body == text);
  };
  refused("stat", {}, 400, "must provide a file name");
  refused("cat", {}, 200, "must provide a file name");
  refused("readat", {{"path", "x"}, {"offset", "x"}}, 200,
          "error parsing offset: strconv.ParseInt: parsing \"x\": invalid syntax");
  refused("ls", {{"path", "../.."}}, 500, "Path escapes the alloc directory");
  refused("ls", {{"path", "none"}}, 404, "open " + f.root + "/none: no such file or directory");
  refused("stream", {{"path", "server"}}, 400, "file \"server\" is a directory");
  refused("stream", {{"path", "x"}, {"follow", "x"}}, 500,
          "failed to parse follow field to boolean: strconv.ParseBool: parsing \"x\": invalid syntax");
  refused("logs", {{"type", "stdout"}}, 400, "must provide task name");
  refused("logs", {{"task", "server"}}, 400, "must provide log type (stdout/stderr)");
  refused("logs", {{"task", "nope"}, {"type", "stdout"}}, 400, "unknown task name \"nope\"");
  refused("logs", {{"task", "server"}, {"type", "stdout"}, {"origin", "nope"}}, 400, "origin must be start or end");
  refused("nope", {}, 404, "Invalid method");
  CHECK(f.ask("GET", "fs/ls/").body == "must provide a valid alloc id");
  CHECK(f.ask("GET", "fs/ls/other").body == "Unknown allocation \"other\"");
  CHECK(f.ask("GET", "allocation/other/stats").status == 404);
}

TEST_CASE("logs are read over all rotated files, plain or in frames", "[agent]") {
  Fixture f;
  f.log(0, "one\n");
  f.log(1, "two\n");
  f.log(1, "wrong\n", "stderr");
  CHECK(f.body(f.files("logs", {{"task", "server"}, {"type", "stdout"}, {"plain", "true"}})) == "one\ntwo\n");
  CHECK(f.body(f.files("logs", {{"task", "server"}, {"type", "stdout"}, {"plain", "true"}, {"offset", "2"}})) ==
        "e\ntwo\n");
  CHECK(f.body(f.files(
            "logs", {{"task", "server"}, {"type", "stdout"}, {"plain", "true"}, {"origin", "end"}, {"offset", "6"}})) ==
        "e\ntwo\n");
  CHECK(
      f.body(f.files("logs", {{"task", "server"}, {"type", "stdout"}})) ==
      R"({"Data":"b25lCg==","File":"alloc/logs/server.stdout.0","Offset":4}{"Data":"dHdvCg==","File":"alloc/logs/server.stdout.1","Offset":4})");
}

TEST_CASE("following a log sees what comes, beats in silence, and ends when the task has ended and all is sent",
          "[agent]") {
  Fixture f(R"({"run_for": "5s"})", "batch");
  f.log(0, "first\n");
  const http::Response response = f.files("logs", {{"task", "server"}, {"type", "stdout"}, {"follow", "true"}});
  Gathered out;
  bool ended = false;
  start<bool>(f.life->loop, response.stream(out), [&ended](bool) { ended = true; });
  f.machine.time.advance(2500ms);
  CHECK(out.text.find(R"({"Data":"Zmlyc3QK")") == 0);
  CHECK(out.text.find("{}") != std::string::npos);

  f.log(0, "more\n");
  f.log(1, "next\n");
  f.machine.time.advance(500ms);
  CHECK(out.text.find("bW9yZQo=") != std::string::npos);
  CHECK(out.text.find(R"({"Data":"bmV4dAo=","File":"alloc/logs/server.stdout.1","Offset":5})") != std::string::npos);
  CHECK_FALSE(ended);
  f.machine.time.advance(5s);
  CHECK(ended);
}

TEST_CASE("a follower whose reader has gone ends", "[agent]") {
  Fixture f;
  f.log(0, "first\n");
  const http::Response response = f.files("logs", {{"task", "server"}, {"type", "stdout"}, {"follow", "true"}});
  Gathered out;
  bool ended = false;
  start<bool>(f.life->loop, response.stream(out), [&ended](bool) { ended = true; });
  f.machine.time.advance(200ms);
  out.gone = true;
  f.machine.time.advance(2s);
  CHECK(ended);
}

TEST_CASE("tasks are measured, restarted and signalled", "[agent]") {
  Fixture f;
  const std::string alloc = std::string("allocation/") + test_alloc_id;
  const auto usage = json::parse(f.ask("GET", alloc + "/stats").body);
  REQUIRE(usage);
  CHECK(*usage->find("Tasks")->find("server")->find("ResourceUsage")->find("MemoryStats")->find("RSS") ==
        Value(1024 * 1024));
  CHECK(usage->find("ResourceUsage")->find("DeviceStats")->is_list());

  CHECK(f.ask("PUT", alloc + "/signal", {}, R"({"Task": "server", "Signal": "SIGHUP"})").body == R"({"Index":0})");
  CHECK(f.machine.machine.signals == std::vector<std::string>{"server:SIGHUP"});
  const http::Response bad = f.ask("PUT", alloc + "/signal", {}, R"({"Task": "server", "Signal": "HUP?"})");
  CHECK(bad.status == 500);
  CHECK(bad.body.find("invalid signal") != std::string::npos);

  CHECK(f.ask("POST", alloc + "/restart", {}, R"({"TaskName": "server"})").status == 200);
  f.machine.time.advance(1s);
  CHECK(f.machine.machine.starts.size() == 2);
  CHECK(f.ask("GET", alloc + "/signal").status == 405);
  CHECK(f.ask("PUT", alloc + "/restart", {}, "{").status == 400);
  CHECK(f.ask("GET", alloc + "/gc").status == 200);
  CHECK(f.collected == test_alloc_id);
}

TEST_CASE("the host is measured, and everything that ended can be collected", "[agent]") {
  Fixture f;
  const auto use = json::parse(f.ask("GET", "stats").body);
  REQUIRE(use);
  CHECK(use->find("Memory")->find("Total")->is_number());
  CHECK(f.ask("GET", "gc").body.empty());
  CHECK(f.collected == "all");
  CHECK(f.ask("GET", "metadata").status == 501);
}

}  // namespace drover::agent
