#include "base/http/websocket.h"

#include <catch2/catch.hpp>

#include "base/http/test_server.h"

namespace drover::http {
namespace {

/// A frame as a client sends it.
std::string client_frame(std::uint8_t first, std::string_view payload) {
  std::string out;
  out.push_back(static_cast<char>(first));
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    out.push_back(static_cast<char>(0x80 | 126));
    out.push_back(static_cast<char>(payload.size() >> 8));
    out.push_back(static_cast<char>(payload.size()));
  }
  constexpr char mask[] = {1, 2, 3, 4};
  out.append(mask, 4);
  for (std::size_t i = 0; i < payload.size(); ++i) out.push_back(static_cast<char>(payload[i] ^ mask[i % 4]));
  return out;
}

TEST_CASE("the handshake answers the key as the standard's example does", "[http]") {
  CHECK(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(is_websocket_key("dGhlIHNhbXBsZSBub25jZQ=="));
  CHECK_FALSE(is_websocket_key("short=="));
  CHECK_FALSE(is_websocket_key("dGhlIHNhbXBsZSBub25j!Q=="));
}

TEST_CASE("frames of a client are unmasked, one after the other, when they are whole", "[http]") {
  std::string bytes = client_frame(0x81, "hello") + client_frame(0x89, "p");
  const std::string rest = client_frame(0x81, std::string(300, 'x'));
  bytes += rest.substr(0, 100);

  CHECK((*take_frame(bytes, 1000))->payload == "hello");
  const auto ping = take_frame(bytes, 1000);
  CHECK((*ping)->opcode == Opcode::ping);
  CHECK_FALSE(take_frame(bytes, 1000)->has_value());
  bytes += rest.substr(100);
  CHECK((*take_frame(bytes, 1000))->payload.size() == 300);
  CHECK(bytes.empty());
}

TEST_CASE("what is no frame of a client is refused, and what is too long before it has come", "[http]") {
  const auto code_of = [](std::string bytes) { return take_frame(bytes, 200).error().code; };
  CHECK(code_of(websocket_frame(Opcode::text, "not masked")) == Code::invalid);
  CHECK(code_of(client_frame(0xC1, "extension")) == Code::invalid);
  CHECK(code_of(client_frame(0x83, "unknown kind")) == Code::invalid);
  CHECK(code_of(client_frame(0x09, "split ping")) == Code::invalid);
  CHECK(code_of(client_frame(0x89, std::string(126, 'x'))) == Code::invalid);
  CHECK(code_of(client_frame(0x81, std::string(201, 'x')).substr(0, 10)) == Code::exhausted);
}

TEST_CASE("frames of the server carry their length in the shortest form, and reasons are cut between characters", "[http]") {
  CHECK(websocket_frame(Opcode::text, "ab") == std::string("\x81\x02") + "ab");
  CHECK(websocket_frame(Opcode::binary, std::string(300, 'x')).substr(0, 4) == std::string("\x82\x7E\x01\x2C", 4));
  CHECK(websocket_frame(Opcode::text, std::string(70000, 'x')).size() == 70010);
  const std::string payload = websocket_close_payload(1008, std::string(122, 'x') + "ü");
  CHECK(payload.size() == 124);
  CHECK(payload.substr(0, 2) == std::string("\x03\xF0", 2));
}

}  // namespace
}  // namespace drover::http
