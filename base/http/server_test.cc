#include "base/http/server.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <future>

#include <unistd.h>

#include "base/http/client.h"
#include "base/http/gzip.h"
#include "base/http/test_server.h"
#include "base/loop/signal.h"

namespace drover::http {
namespace {

/// Answers with what was asked: "METHOD path body".
Async<Response> echo(Request request) {
  Response response;
  response.body = request.method + " " + request.path + " " + request.body;
  co_return response;
}

Async<bool> count_to_thousand(StreamWriter& writer) {
  for (int i = 0; i < 1000; ++i) {
    std::string line = text("{}\n", i) + std::string(200, '.');
    const bool written = co_await writer.write(std::move(line));
    if (!written) co_return false;
  }
  co_return true;
}

std::string thousand() {
  std::string out;
  for (int i = 0; i < 1000; ++i) out += text("{}\n", i) + std::string(200, '.');
  return out;
}

Async<Response> streamed(Request) {
  Response response;
  response.stream = count_to_thousand;
  co_return response;
}

Async<bool> break_off(StreamWriter& writer) {
  std::string piece = "half";
  co_await writer.write(std::move(piece));
  co_await writer.flush();
  co_return false;
}

Async<Response> broken(Request) {
  Response response;
  response.stream = break_off;
  co_return response;
}

Async<Response> throwing(Request) {
  throw std::runtime_error("oops");
  co_return Response();
}

TEST_CASE("requests are answered one after the other on one connection", "[http]") {
  TestServer server(echo);
  RawClient client(server);

  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string first = client.read_until("GET /a ");
  client.send("PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
  const std::string second = client.read_until("PUT /b hi");

  CHECK(first.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(first.find("Content-Length: 7\r\n") != std::string::npos);
  CHECK(first.find("Vary: Accept-Encoding\r\n") != std::string::npos);
  CHECK(second.starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("pipelined requests are answered in order", "[http]") {
  TestServer server(echo);
  RawClient client(server);

  client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string all = client.read_all();

  const auto one = all.find("GET /1");
  const auto two = all.find("GET /2");
  const auto three = all.find("GET /3");
  CHECK(one < two);
  CHECK(two < three);
  CHECK(three != std::string::npos);
}

TEST_CASE("a HEAD request gets no body", "[http]") {
  TestServer server(echo);
  RawClient client(server);

  client.send("HEAD /a HTTP/1.1\r\nConnection: close\r\n\r\n");

  const std::string answer = client.read_all();
  CHECK(answer.ends_with("\r\n\r\n"));
  CHECK(answer.find("Content-Length: 8") != std::string::npos);
}

TEST_CASE("a client that waits for it is told to continue", "[http]") {
  TestServer server(echo);
  RawClient client(server);

  client.send("PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  CHECK(client.read_until("PUT /a hi").ends_with("PUT /a hi"));
}

TEST_CASE("a streamed body arrives whole, plain and compressed", "[http]") {
  TestServer server(streamed);

  Client client({.address = server.url()});  // accepts gzip
  CHECK(client.get("/").value().body == thousand());
  CHECK(client.get("/").value().headers.get("Content-Encoding") == "gzip");

  RawClient plain(server);
  plain.send("GET / HTTP/1.0\r\n\r\n");
  CHECK(plain.read_all().ends_with("\r\n\r\n" + thousand()));
}

TEST_CASE("a stream that fails leaves a body that is seen to be cut", "[http]") {
  TestServer server(broken);
  RawClient client(server);

  client.send("GET / HTTP/1.1\r\n\r\n");

  const std::string all = client.read_all();
  CHECK(all.find("4\r\nhalf\r\n") != std::string::npos);
  CHECK(all.find("0\r\n\r\n") == std::string::npos);
}

TEST_CASE("an empty body is never compressed", "[http]") {
  TestServer server([](Request) -> Async<Response> { co_return Response(); });
  RawClient client(server);

  client.send("GET / HTTP/1.1\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n");

  const std::string all = client.read_all();
  CHECK(all.find("Content-Encoding") == std::string::npos);
  CHECK(all.find("Content-Length: 0\r\n") != std::string::npos);
}

TEST_CASE("a large body comes through compressed", "[http]") {
  const std::string large(5'000'000, 'x');
  TestServer server([large](Request) -> Async<Response> {
    Response response;
    response.body = large;
    co_return response;
  });
  Client client({.address = server.url()});

  CHECK(client.get("/").value().body == large);
}

TEST_CASE("a handler that throws costs its own request only", "[http]") {
  TestServer server(throwing);
  Client client({.address = server.url()});

  CHECK(client.get("/").value().status == 500);
  CHECK(client.get("/").value().body == "internal error: oops");
}

TEST_CASE("a taken port is refused naming the address", "[http]") {
  TestServer first(echo);
  RealLoop loop;

  Server second(loop, echo, {.port = first.server().port()});
  const Result<void> started = second.start();

  REQUIRE_FALSE(started.ok());
  CHECK(started.error().code == Code::conflict);
  CHECK(started.error().message.find("cannot listen on " + first.server().address()) == 0);
}

TEST_CASE("an address that is none is refused", "[http]") {
  RealLoop loop;
  Server server(loop, echo, {.address = "localhost"});
  CHECK(server.start().error().code == Code::invalid);
}

TEST_CASE("a unix socket serves too, is private, and is removed at the end", "[http]") {
  const std::string path = text("/tmp/drover-http-test-{}.sock", ::getpid());
  {
    TestServer server(echo, {.unix_socket = path});
    Client client({.address = "unix://" + path});
    CHECK(client.get("/a").value().body == "GET /a ");
    CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::others_all) == std::filesystem::perms::none);

    RealLoop loop;
    Server second(loop, echo, {.unix_socket = path, .tcp = false});
    CHECK(second.start().error().code == Code::conflict);
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("accepted encodings are read with their weights", "[http]") {
  CHECK(accepts_gzip("gzip"));
  CHECK(accepts_gzip("deflate, gzip;q=0.5"));
  CHECK(accepts_gzip("*"));
  CHECK_FALSE(accepts_gzip(""));
  CHECK_FALSE(accepts_gzip("gzip;q=0"));
  CHECK_FALSE(accepts_gzip("gzip;q=0.0, br"));
  CHECK_FALSE(accepts_gzip("identity"));
}

}  // namespace
}  // namespace drover::http
