#include "sdk/src/handshake.h"

#include <catch2/catch.hpp>
#include <map>

#include "sdk/src/log.h"

namespace drover::sdk {
namespace {

using Environment = std::map<std::string, std::string>;

Result<Handshake> read(const Environment& environment) {
  return read_handshake([&environment](const char* name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
}

}  // namespace

TEST_CASE("without the right cookie nobody launched us", "[sdk]") {
  CHECK(read({}).error().code == Code::denied);
  CHECK(read({{cookie_name, "wrong"}}).error().code == Code::denied);
  CHECK(read({{cookie_name, cookie_value}}).ok());
}

TEST_CASE("the socket goes where the host says, else to the folder for temporary files", "[sdk]") {
  CHECK(read({{cookie_name, cookie_value}})->socket_folder == "/tmp");
  CHECK(read({{cookie_name, cookie_value}, {"TMPDIR", "/var/tmp"}})->socket_folder == "/var/tmp");
  CHECK(read({{cookie_name, cookie_value}, {"TMPDIR", "/var/tmp"}, {"PLUGIN_UNIX_SOCKET_DIR", "/run/x"}})->socket_folder ==
        "/run/x");

  Handshake handshake;
  handshake.socket_folder = "/run/x";
  CHECK(socket_path(handshake)->starts_with("/run/x/plugin"));
  handshake.socket_folder = std::string(120, 'd');
  CHECK(socket_path(handshake).error().message.find("longer than 107 bytes") != std::string::npos);
}

TEST_CASE("the line has no field that the host did not ask for", "[sdk]") {
  CHECK(handshake_line("/run/p", "", false) == "1|2|unix|/run/p|grpc|");
  CHECK(handshake_line("/run/p", "abcd", false) == "1|2|unix|/run/p|grpc|YWJjZA");
  CHECK(handshake_line("/run/p", "", true) == "1|2|unix|/run/p|grpc||false");
}

TEST_CASE("a log line is one JSON object with six digits of a second", "[sdk]") {
  const Instant at = Instant(std::chrono::seconds(1786528271) + std::chrono::nanoseconds(123456789));

  CHECK(log_line(Level::info, "say \"hi\"\n", "mock", at) ==
        R"({"@level":"info","@message":"say \"hi\"\u000a","@module":"mock","@timestamp":"2026-08-12T09:51:11.123456Z"})");
  CHECK(log_line(Level::warn, std::string(200'000, '\x01'), "m", at).size() <= log_line_max + 200);
  CHECK(log_line(Level::warn, "\xff", "m", at).find("\"?\"") != std::string::npos);
}

}  // namespace drover::sdk
