#include "sdk/host/handshake_line.h"

#include <catch2/catch.hpp>

#include "base/rpc/self_signed.h"
#include "sdk/host/plugin_log.h"

namespace drover::host {

TEST_CASE("every form of the line that plugins write is understood", "[host]") {
  const HandshakeLine unix_line{"unix", "/run/plugin2946213712", {}};
  CHECK(parse_handshake_line("1|2|unix|/run/plugin2946213712|grpc|").value() == unix_line);
  CHECK(parse_handshake_line("1|2|unix|/run/plugin2946213712|grpc\r").value() == unix_line);
  CHECK(parse_handshake_line(" 1|2|unix|/run/plugin2946213712|grpc||true ").value() == unix_line);
  CHECK(parse_handshake_line("1|2|tcp|127.0.0.1:10003|grpc|").value().target() == "127.0.0.1:10003");
  CHECK(unix_line.target() == "unix:/run/plugin2946213712");
}

TEST_CASE("a certificate in the line is read, a short sixth field is not one", "[host]") {
  const std::string der(60, '\x30');
  CHECK(parse_handshake_line("1|2|unix|/p|grpc|" + rpc::to_base64(der)).value().certificate_der == der);
  CHECK(parse_handshake_line("1|2|unix|/p|grpc|short").value().certificate_der.empty());
  CHECK_FALSE(parse_handshake_line("1|2|unix|/p|grpc|" + std::string(60, '!')).ok());
}

TEST_CASE("a wrong line is explained in one sentence", "[host]") {
  const auto error = [](const std::string& line) { return parse_handshake_line(line).error().message; };
  CHECK(error("Hello, \x1b[1mworld") ==
        "wrote \"Hello, ?[1mworld\" to standard output first: it is no plugin (take it out of the plugin folder), or prints something before the handshake");
  CHECK(error("2|2|unix|/p|grpc") == "speaks version 2 of the handshake, this agent speaks 1: install a build of it for this one");
  CHECK(error("1|1|unix|/p|grpc") == "speaks version 1 of the plugin protocol, this agent speaks 2: install a build of it for this one");
  CHECK(error("1|2|pipe|/p|grpc") == "listens on the unknown network \"pipe\", not on unix or tcp");
  CHECK(error("1|2|unix|/p") == "speaks netrpc, this agent speaks grpc");
  CHECK(error("1|2|unix||grpc") == "gives no address to connect to");
  CHECK(error(std::string(5000, 'x')).size() < 400);
}

TEST_CASE("lines of a plugin's log keep level, message and fields", "[host]") {
  PluginLogReader reader;
  CHECK(reader.read(R"({"@level":"info","@message":"starting task","@module":"podman","@timestamp":"x","task_id":"a/b","n":3})") ==
        PluginLogLine{PluginLevel::info, "starting task", {{"task_id", "a/b"}, {"n", "3"}}});
  CHECK(reader.read("[WARN] slow").level == PluginLevel::warn);
  CHECK(reader.read("plain").level == PluginLevel::debug);
  CHECK(reader.read(R"({"@level":5,"@message":{}})").level == PluginLevel::debug);
  CHECK(reader.read("panic: nil map").level == PluginLevel::error);
  CHECK(reader.read("goroutine 1 [running]:").level == PluginLevel::error);
  CHECK(PluginLogLine{PluginLevel::info, "m", {{"k", "v"}}}.text() == "m k=v");
}

TEST_CASE("a certificate made here is one", "[host]") {
  const rpc::SelfSigned made = rpc::make_self_signed("localhost").value();
  CHECK(rpc::certificate_from_der(made.der).value() == made.certificate);
  CHECK_FALSE(rpc::certificate_from_der("nonsense").ok());
  for (const std::string bytes : {"", "a", "ab", "abc", "\xff\xfe"}) CHECK(rpc::from_base64(rpc::to_base64(bytes)).value() == bytes);
}

}  // namespace drover::host
