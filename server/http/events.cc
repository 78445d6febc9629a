#include "server/http/event_log.h"
#include "server/http/handlers.h"

/// /v1/event/stream: one line of JSON for each change, and an empty object when nothing has changed for a while.
namespace drover::server {
namespace {

constexpr Duration silence_max = 30s;      ///< then a line tells that the stream is alive
constexpr std::size_t topics_max = 100;    ///< in one request

/// "Topic" or "Topic:key"; the error is for the client.
Result<EventFilter::Wanted> parse_topic(const std::string& given) {
  const auto colon = given.find(':');
  if (colon == std::string::npos) return EventFilter::Wanted{.topic = given, .key = "*"};
  if (given.find(':', colon + 1) != std::string::npos) {
    return fail(Code::invalid, "Invalid topic query: error parsing topics: Invalid key value pair for topic, topic: {}", given);
  }
  return EventFilter::Wanted{.topic = given.substr(0, colon), .key = given.substr(colon + 1)};
}

Result<EventFilter> parse_filter(const api::Call& call) {
  EventFilter filter;
  filter.ns = call.params.ns;
  for (const auto& [name, value] : call.request.query) {
    if (name != "topic") continue;
    if (filter.topics.size() == topics_max) return fail(Code::invalid, "Invalid topic query: more than {} topics", topics_max);
    DROVER_LET(EventFilter::Wanted wanted, parse_topic(value));
    filter.topics.push_back(std::move(wanted));
  }
  if (filter.topics.empty()) filter.topics.push_back({.topic = "*", .key = "*"});
  return filter;
}

Async<bool> send_line(http::StreamWriter& writer, std::string line) {
  line += '\n';
  const bool written = co_await writer.write(std::move(line));
  if (!written) co_return false;
  co_return co_await writer.flush();
}

/// False once the reader has gone, or was so slow that changes were dropped: it comes back with its last index.
Async<bool> stream_events(http::StreamWriter& writer, std::shared_ptr<EventLog> log, EventFilter filter, EventLog::Number next) {
  bool sent = co_await send_line(writer, "{}");
  while (sent) {
    if (log->lost(next)) co_return true;
    const std::shared_ptr<const EventEntry> entry = log->entry(next);
    if (entry) {
      ++next;
      std::string line = event_line(*entry, filter);
      if (!line.empty()) sent = co_await send_line(writer, std::move(line));
      continue;
    }
    const bool woken = co_await log->wait_for(silence_max);
    if (!woken) co_return true;
    if (!log->entry(next) && !log->lost(next)) sent = co_await send_line(writer, "{}");
  }
  co_return false;
}

Async<http::Response> events(HttpParts* parts, api::Call call) {
  const std::string given = api::text_parameter(call.request, "index");
  const Result<std::uint64_t> index = api::uint_parameter(call.request, "index");
  if (!index) co_return api::refuse(400, text("Unable to parse index: strconv.Atoi: parsing \"{}\": invalid syntax", given));
  Result<EventFilter> filter = parse_filter(call);
  if (!filter) co_return api::refuse(400, filter.error().message);
  const std::shared_ptr<EventLog> log = parts->events;
  if (!log) co_return api::refuse(501, "this agent keeps no events");
  http::Response response;
  response.headers.set("Content-Type", "application/json");
  response.headers.set("Cache-Control", "no-cache");
  response.compress = false;
  response.stream = [log, wanted = std::move(*filter), next = log->number_of(*index)](http::StreamWriter& writer) {
    return stream_events(writer, log, wanted, next);
  };
  co_return response;
}

}  // namespace

void add_event_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(local_route(parts, "GET", "/v1/event/stream", "", events, api::Looks::nothing));
}

}  // namespace drover::server
