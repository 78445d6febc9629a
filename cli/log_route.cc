#include "cli/log_route.h"

#include <deque>

#include "api/answer.h"
#include "base/loop/signal.h"
#include "model/json/text.h"

namespace drover::cli {
namespace {

constexpr std::size_t lines_max = 512;            ///< that wait for one reader
constexpr Duration heartbeat_interval = 10s;      ///< an empty frame says that the agent is there
constexpr std::string_view unknown_node = "logs of other agents are not supported yet: ask that agent itself";

/// Lines on their way to one reader. On the HTTP loop.
struct Lines {
  explicit Lines(Loop& loop) : added(loop) {}

  void add(std::string line) {
    if (waiting.size() < lines_max) waiting.push_back(std::move(line));
    else ++dropped;
    added.notify();
  }
  /// All that waits, as one text.
  std::string take() {
    std::string text;
    for (const std::string& line : waiting) text += line + "\n";
    if (dropped > 0) text += drover::text("({} lines were dropped: the reader is too slow)\n", dropped);
    waiting.clear();
    dropped = 0;
    return text;
  }

  std::deque<std::string> waiting;
  std::size_t dropped = 0;
  Signal added;
};

/// The event of a frame is empty, and there: readers of logs expect both members.
std::string framed(const std::string& text) {
  std::string frame = R"({"Data":")";
  model::append_base64(frame, text);
  return frame + "\",\"FileEvent\":\"\"}";
}

Async<bool> pass_lines(std::shared_ptr<Lines> lines, std::shared_ptr<void> listening, bool plain, http::StreamWriter& writer) {
  bool reads = co_await writer.flush();  // the head of the answer goes out before the first line
  while (reads) {
    while (lines->waiting.empty() && lines->dropped == 0 && reads) {
      const bool woken = co_await lines->added.wait_for(heartbeat_interval);
      if (!woken) co_return true;  // the reader has gone, or the agent ends
      const bool idle = lines->waiting.empty() && lines->dropped == 0;
      if (idle && !plain) {
        reads = co_await writer.write("{}");
        reads = reads && co_await writer.flush();
      }
    }
    if (!reads) break;
    std::string text = lines->take();
    reads = co_await writer.write(plain ? std::move(text) : framed(text));
    if (reads) reads = co_await writer.flush();
  }
  co_return true;
}

/// What the caller asks for.
struct Wanted {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  bool plain = false;
};

Result<bool> option(const http::Request& request, std::string_view name, std::string_view called) {
  const std::string given = api::text_parameter(request, name);
  if (given.empty()) return false;
  const Result<bool> value = api::parse_bool(given);
  if (value) return value;
  return fail(Code::invalid, "Unknown option for {}: strconv.ParseBool: parsing \"{}\": invalid syntax", called, given);
}

/// Whether the log that is asked for is that of this process.
Result<void> check_owner(const http::Request& request, const LogOwner& owner) {
  const std::string node = api::text_parameter(request, "node_id");
  const std::string server = api::text_parameter(request, "server_id");
  if (!node.empty() && !server.empty()) return fail(Code::invalid, "Cannot target node and server simultaneously");
  if (!node.empty() && node != owner.node_id) {
    const bool known = !owner.knows_node || owner.knows_node(node);
    if (known) return fail(Code::unsupported, "{}", unknown_node);
    return fail(Code::internal, "RPC Error:: 404,Unknown node \"{}\"", node);
  }
  const bool ours = server.empty() || (!owner.server_name.empty() && (server == "leader" || server == owner.server_name));
  return ours ? Result<void>() : fail(Code::invalid, "unknown Nomad server {}", server);
}

int status_of(const Error& error) {
  if (error.code == Code::unsupported) return 501;
  return error.code == Code::internal ? 500 : 400;
}

Result<Wanted> wanted_of(const http::Request& request, const LogOwner& owner) {
  Wanted wanted;
  if (const std::string level = api::text_parameter(request, "log_level"); !level.empty()) {
    const auto known = parse_log_level(level);
    if (!known) return fail(Code::invalid, "Unknown log level: {}", level);
    wanted.level = *known;
  }
  DROVER_LET(const bool json, option(request, "log_json", "log json"));
  DROVER_LET(wanted.plain, option(request, "plain", "plain"));
  DROVER_TRY(option(request, "log_include_location", "log_include_location"));  // lines name no place in the program
  DROVER_TRY(check_owner(request, owner));
  wanted.format = json ? LogFormat::json : LogFormat::text;
  return wanted;
}

http::Response follow_log(Loop& loop, const std::shared_ptr<LogHub>& hub, const LogOwner& owner, const http::Request& request) {
  const Result<Wanted> wanted = wanted_of(request, owner);
  if (!wanted.ok()) return api::refuse(status_of(wanted.error()), wanted.error().message);
  auto lines = std::make_shared<Lines>(loop);
  std::weak_ptr<Lines> reader = lines;
  auto listening = hub->listen(wanted->level, [&loop, reader, format = wanted->format](const LogLine& line) {
    loop.post([reader, text = format_line(line, format)] {
      if (const auto still = reader.lock()) still->add(text);
    });
  });
  if (!listening) return api::refuse(429, "the log has as many readers as it can have; end one of them");
  http::Response response;
  response.headers.set("Content-Type", wanted->plain ? "text/plain" : "application/json");
  response.compress = false;
  response.stream = [lines, listening, plain = wanted->plain](http::StreamWriter& writer) { return pass_lines(lines, listening, plain, writer); };
  return response;
}

Async<http::Response> answer(Loop* loop, std::shared_ptr<LogHub> hub, LogOwner owner, http::Request request) {
  co_return follow_log(*loop, hub, owner, request);
}

}  // namespace

api::Route log_route(Loop& loop, std::shared_ptr<LogHub> hub, LogOwner owner) {
  return {.methods = "GET", .path = "/v1/agent/monitor", .capability = "agent:read", .looks = api::Looks::nothing,
          .handler = [&loop, hub = std::move(hub), owner = std::move(owner)](api::Call call) {
            return answer(&loop, hub, owner, std::move(call.request));
          }};
}

}  // namespace drover::cli
