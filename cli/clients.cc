#include "cli/clients.h"

#include "base/http/types.h"
#include "base/loop/call.h"
#include "base/loop/duplex_pair.h"
#include "base/loop/start.h"

namespace drover::cli {
namespace {

constexpr std::size_t chunks_in_flight_max = 4;

http::Response refused(int status, std::string text) {
  http::Response response{.status = status};
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(text);
  return response;
}

/// A piece of a body on its way from the agent's loop to the HTTP loop.
struct Chunk {
  enum class Kind { data, flush, end, cut } kind = Kind::data;
  std::string data;
};
using AgentEnd = Duplex<Chunk, bool>;
using HttpEnd = Duplex<bool, Chunk>;

/// The writer that a stream on the agent's loop writes to.
class CrossingWriter final : public http::StreamWriter {
 public:
  explicit CrossingWriter(AgentEnd& end) : end_(end) {}

  Async<bool> write(std::string chunk) override { return pass(Chunk{Chunk::Kind::data, std::move(chunk)}); }
  Async<bool> flush() override { return pass(Chunk{Chunk::Kind::flush, {}}); }

 private:
  Async<bool> pass(Chunk chunk) {
    const Result<void> sent = end_.send(std::move(chunk));
    if (!sent.ok()) co_return false;
    const Result<bool> taken = co_await end_.receive();
    co_return taken.ok() && *taken;
  }

  AgentEnd& end_;
};

Async<void> run_stream(http::Stream stream, std::shared_ptr<AgentEnd> end) {
  CrossingWriter writer(*end);
  const bool whole = co_await stream(writer);
  Chunk last{whole ? Chunk::Kind::end : Chunk::Kind::cut, {}};
  const Result<void> sent = end->send(std::move(last));
  if (!sent.ok()) end->close("the reader has gone");
}

Async<bool> pump(std::shared_ptr<HttpEnd> end, http::StreamWriter* writer) {
  for (;;) {
    Result<Chunk> chunk = co_await end->receive();
    if (!chunk.ok() || chunk->kind == Chunk::Kind::cut) co_return false;
    if (chunk->kind == Chunk::Kind::end) co_return true;
    bool taken = false;
    if (chunk->kind == Chunk::Kind::flush) taken = co_await writer->flush();
    else taken = co_await writer->write(std::move(chunk->data));
    const Result<void> told = end->send(taken);
    if (!taken || !told.ok()) co_return false;
  }
}

/// The answer's stream, run on the agent's loop, seen from the HTTP loop.
http::Stream crossing(http::Stream stream, Loop& agent_loop, Loop& http_loop) {
  return [stream = std::move(stream), &agent_loop, &http_loop](http::StreamWriter& writer) {
    auto [agent_end, http_end] = duplex_pair<Chunk, bool>(agent_loop, http_loop, chunks_in_flight_max);
    std::shared_ptr<AgentEnd> producer = std::move(agent_end);
    agent_loop.post([stream, producer, &agent_loop] { start(agent_loop, run_stream(stream, producer)); });
    return pump(std::shared_ptr<HttpEnd>(std::move(http_end)), &writer);
  };
}

Async<bool> read_on(std::shared_ptr<server::TunnelAnswer> answer, http::StreamWriter* writer) {
  for (;;) {
    Result<std::string> piece = co_await answer->read();
    if (!piece.ok()) co_return false;
    if (piece->empty()) co_return true;
    bool taken = co_await writer->write(std::move(*piece));
    if (taken) taken = co_await writer->flush();
    if (!taken) {
      answer->cancel();
      co_return false;
    }
  }
}

}  // namespace

std::string Clients::local_node() const { return agent_ ? agent_->node_id() : ""; }

Async<http::Response> Clients::handle(std::string node_id, http::Request request) {
  if (agent_ && node_id == agent_->node_id()) return here(std::move(request));
  return there(std::move(node_id), std::move(request));
}

Async<http::Response> Clients::here(http::Request request) {
  auto shared = std::make_shared<http::Request>(std::move(request));
  std::function<void(Done<http::Response>, std::weak_ptr<const void>)> ask =
      [agent = agent_, loop = agent_loop_, shared](const Done<http::Response>& done, const std::weak_ptr<const void>&) {
        std::function<void(http::Response)> answer = [done](http::Response response) { done(std::move(response)); };
        start<http::Response>(*loop, agent->handle(std::move(*shared)), std::move(answer));
      };
  Result<http::Response> response = co_await call<http::Response>(*agent_loop_, std::move(ask));
  if (!response.ok()) co_return refused(500, response.error().message);
  if (response->stream) response->stream = crossing(std::move(response->stream), *agent_loop_, http_loop_);
  co_return std::move(*response);
}

Async<http::Response> Clients::there(std::string node_id, http::Request request) {
  const Uuid node = parse_uuid(node_id);
  if (!tunnels_ || node.is_nil()) co_return refused(404, "Unknown node " + node_id);
  server::TunnelRequest asked;
  asked.method = request.method;
  asked.path = request.path;
  asked.query = request.query;
  asked.headers = request.headers.all();
  asked.body = std::move(request.body);
  Result<std::unique_ptr<server::TunnelAnswer>> opened = co_await tunnels_->open(node, std::move(asked), http_loop_);
  if (!opened.ok()) co_return refused(opened.error().code == Code::not_found ? 404 : 500, opened.error().message);
  std::shared_ptr<server::TunnelAnswer> answer = std::move(*opened);
  http::Response response{.status = answer->status()};
  for (const auto& [name, value] : answer->headers()) response.headers.add(name, value);
  response.stream = [answer](http::StreamWriter& writer) { return read_on(answer, &writer); };
  co_return response;
}

}  // namespace drover::cli
