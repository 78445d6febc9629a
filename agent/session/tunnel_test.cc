#include "agent/session/tunnel.h"

#include <catch2/catch.hpp>

#include "agent/testing/test_link.h"
#include "base/loop/start.h"

namespace drover::agent {
namespace {

struct Fixture {
  explicit Fixture(http::Handler handler, const std::string& method = "GET") {
    model::OpenTunnel open;
    open.set_id("t1");
    open.set_method(method);
    open.set_path("/v1/client/stats");
    model::TunnelPair& pair = *open.add_query();
    pair.set_name("a");
    pair.set_value("b c");
    start(loop, answer_tunnel(loop, link, std::move(handler), open));
    time.run_until_idle();
  }

  model::TunnelFrame heard() { return run(time, server, link.tunnels.back()->receive()).value(); }
  void tell(model::TunnelFrame frame) { REQUIRE(link.tunnels.back()->send(std::move(frame))); }

  VirtualTime time;
  VirtualLoop loop{time};
  VirtualLoop server{time};
  TestLink link{loop, server};
};

Async<http::Response> echo(http::Request request) {
  http::Response response;
  response.status = 201;
  response.headers.set("Content-Type", "text/plain");
  response.body = request.path + "?" + *request.parameter("a") + ":" + request.body;
  co_return response;
}

Async<bool> write_much(http::StreamWriter& out) {
  const bool written = co_await out.write(std::string(200 * 1024, 'x'));
  co_return written;
}

Async<http::Response> stream_much(http::Request) {
  http::Response response;
  response.stream = write_much;
  co_return response;
}

/// Answers each message; "bye" ends it.
Async<void> talk(http::WebSocket& socket) {
  for (;;) {
    Result<std::string> message = co_await socket.receive();
    if (!message) co_return;
    if (*message == "bye") {
      socket.close(1008, "bye");
      co_return;
    }
    const bool sent = co_await socket.send(*message + " again");
    if (!sent) co_return;
  }
}

Async<http::Response> converse(http::Request) {
  http::Response response;
  response.status = 101;
  response.websocket = talk;
  co_return response;
}

}  // namespace

TEST_CASE("a tunnel names itself, then answers with head, body and end", "[agent]") {
  Fixture f(echo);
  CHECK(f.heard().accept() == "t1");
  const model::TunnelFrame head = f.heard();
  CHECK(head.head().status() == 201);
  CHECK(head.head().headers(0).name() == "Content-Type");
  CHECK(f.heard().body() == "/v1/client/stats?b c:");
  CHECK(f.heard().end().error().empty());
}

TEST_CASE("a request with a body is answered when the body is whole", "[agent]") {
  Fixture f(echo, "PUT");
  CHECK(f.heard().has_accept());
  model::TunnelFrame body;
  body.set_body("hel");
  f.tell(body);
  body.set_body("lo");
  f.tell(body);
  model::TunnelFrame end;
  end.mutable_end();
  f.tell(end);
  CHECK(f.heard().credit() == 3);
  CHECK(f.heard().credit() == 2);
  CHECK(f.heard().has_head());
  CHECK(f.heard().body() == "/v1/client/stats?b c:hello");
}

TEST_CASE("no more than the credit is on its way", "[agent]") {
  Fixture f(stream_much);
  f.heard();
  f.heard();
  std::size_t got = 0;
  for (int i = 0; i < 2; ++i) got += f.heard().body().size();
  CHECK(got == tunnel_credit_first);
  f.time.advance(10s);

  model::TunnelFrame credit;
  credit.set_credit(1000);
  f.tell(credit);
  CHECK(f.heard().body().size() == 1000);
}

TEST_CASE("when the other side goes away, the answer ends", "[agent]") {
  Fixture f(stream_much);
  f.link.tunnels.clear();
  f.time.advance(1s);
  SUCCEED("nothing is left waiting");
}

TEST_CASE("a websocket passes whole messages both ways, and its end is told", "[agent]") {
  Fixture f(converse);
  CHECK(f.heard().has_accept());
  CHECK(f.heard().head().status() == 101);

  model::TunnelFrame message;
  message.set_message("one");
  f.tell(message);
  CHECK(f.heard().credit() == 3);
  CHECK(f.heard().message() == "one again");
  message.set_message("bye");
  f.tell(message);
  CHECK(f.heard().credit() == 3);
  const model::TunnelFrame closed = f.heard();
  CHECK(closed.close().code() == 1008);
  CHECK(closed.close().reason() == "bye");
}

TEST_CASE("a websocket whose other side closes ends its conversation", "[agent]") {
  Fixture f(converse);
  CHECK(f.heard().has_accept());
  CHECK(f.heard().has_head());
  model::TunnelFrame close;
  close.mutable_close()->set_code(1000);
  f.tell(close);
  f.time.advance(1s);
  SUCCEED("nothing is left waiting");
}

}  // namespace drover::agent
