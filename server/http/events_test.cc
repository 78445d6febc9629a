#include "server/http/event_log.h"
#include "server/http/test_world.h"

namespace drover::server {
namespace {

/// Takes what a stream writes; the reader goes after `lines_max` lines.
class Lines final : public http::StreamWriter {
 public:
  explicit Lines(std::size_t lines_max) : lines_max_(lines_max) {}
  Async<bool> write(std::string chunk) override {
    text += chunk;
    co_return count() < lines_max_;
  }
  Async<bool> flush() override { co_return count() < lines_max_; }
  std::size_t count() const { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }
  std::string text;

 private:
  std::size_t lines_max_;
};

/// Follows a stream until so many lines have come; `act` happens in between.
std::string follow(HttpWorld& world, const std::string& query, std::size_t lines, const std::function<void()>& act) {
  const http::Response response = world.get("/v1/event/stream" + query);
  REQUIRE(response.status == 200);
  CHECK(response.headers.get("Cache-Control") == "no-cache");
  Lines out(lines);
  bool ended = false;
  std::function<void(bool)> done = [&ended](bool) { ended = true; };
  start<bool>(world.loop, response.stream(out), std::move(done));
  world.time.run_until_idle();
  act();
  world.time.run_until_idle();
  for (int i = 0; i < 10 && !ended; ++i) world.time.advance(30s);
  REQUIRE(ended);
  return out.text;
}

TEST_CASE("a registered job is told to who listens to jobs, after a line that says that the stream is there", "[server][http]") {
  HttpWorld world;

  const std::string text = follow(world, "?topic=Job:web&index=1000", 2, [&world] { world.submit("web"); });

  CHECK(text.starts_with("{}\n{\"Events\":[{\"FilterKeys\":null,\"Index\":"));
  CHECK(text.find(R"("Key":"web","Namespace":"default","Payload":{"Deleted":false,"Job":{)") != std::string::npos);
  CHECK(text.find(R"("Topic":"Job","Type":"JobRegistered"}],"Index":)") != std::string::npos);
}

TEST_CASE("evaluations are found by their job, other jobs and namespaces are not told", "[server][http]") {
  HttpWorld world;
  const std::string found = follow(world, "?topic=Evaluation:web&index=1000", 2, [&world] { world.submit("web"); });
  CHECK(found.find(R"("Topic":"Evaluation","Type":"JobRegistered")") != std::string::npos);
  CHECK(found.find(R"("FilterKeys":["web",""])") != std::string::npos);

  const auto only_beats = [](const std::string& text) { return text.find("Events") == std::string::npos; };
  CHECK(only_beats(follow(world, "?topic=Job:other&index=1000", 3, [&world] { world.submit("a"); })));
  CHECK(only_beats(follow(world, "?topic=Job&namespace=nope&index=1000", 3, [&world] { world.submit("b"); })));
  CHECK_FALSE(only_beats(follow(world, "?topic=Job&namespace=*&index=1000", 2, [&world] { world.submit("c"); })));
}

TEST_CASE("who comes late gets what is kept, from the index that it names", "[server][http]") {
  HttpWorld world;
  world.submit("first");
  const http::Response second = world.submit("second");
  const auto index = std::string(second.headers.get("X-Nomad-Index"));

  const std::string all = follow(world, "?topic=Job&index=0", 3, [] {});
  CHECK(all.find(R"("Key":"first")") != std::string::npos);
  const std::string later = follow(world, "?topic=Job&index=" + index, 2, [] {});
  CHECK(later.find(R"("Key":"first")") == std::string::npos);
  CHECK(later.find(R"("Key":"second")") != std::string::npos);
}

TEST_CASE("a stream that cannot be is refused", "[server][http]") {
  HttpWorld world;
  CHECK(world.get("/v1/event/stream?index=x").body == R"(Unable to parse index: strconv.Atoi: parsing "x": invalid syntax)");
  CHECK(world.get("/v1/event/stream?topic=a:b:c").body ==
        "Invalid topic query: error parsing topics: Invalid key value pair for topic, topic: a:b:c");
  CHECK(world.ask("PUT", "/v1/event/stream").status == 405);
}

TEST_CASE("only the last changes are kept, and a reader that is behind them is lost", "[server][http]") {
  HttpWorld world;
  EventLog& log = *world.parts.events;
  const SnapshotPtr state = world.server.snapshot();
  for (Index i = 1; i <= event_indexes_max + 5; ++i) log.add(state, state, Effects{Effect{.topic = Topic::jobs, .index = i, .id = {}, .job = {"default", "x"}}});
  CHECK(log.lost(0));
  CHECK_FALSE(log.entry(0));
  CHECK(log.entry(log.number_of(0))->index == 6);
  CHECK(log.entry(log.number_of(50))->index == 50);
  CHECK_FALSE(log.entry(log.number_of(1000)));
  CHECK_FALSE(log.lost(log.number_of(1000)));
}

}  // namespace
}  // namespace drover::server
