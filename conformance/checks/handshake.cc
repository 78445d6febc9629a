// The first line, the socket, certificates.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/rpc/self_signed.h"
#include "conformance/check.h"
#include "sdk/host/handshake_line.h"

namespace drover::conformance {
namespace handshake_part {

namespace fs = std::filesystem;
constexpr Duration by_hand_max = 5s;
constexpr Duration line_max = 60s;

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == '|') fields.emplace_back();
    else fields.back() += c;
  }
  return fields;
}

Result<std::vector<std::string>> fields(Bench& bench) {
  DROVER_LET(Driver * driver, bench.driver());
  return fields_of(driver->line());
}

Result<std::string> field(Bench& bench, std::size_t number) {
  DROVER_LET(const std::vector<std::string> all, fields(bench));
  EXPECT(all.size() > number, "the line has {} fields", all.size());
  return all[number];
}

Result<std::unique_ptr<Launched>> by_hand(Bench& bench, const char* cookie) {
  LaunchHow how = bench.how();
  how.env.erase("NOMAD_PLUGIN_MAGIC_COOKIE");
  if (cookie != nullptr) how.env["NOMAD_PLUGIN_MAGIC_COOKIE"] = cookie;
  DROVER_LET(std::unique_ptr<Launched> process, Launched::start(how));
  EXPECT(process->ends_within(by_hand_max), "it still runs after 5 s");
  process->output_ends_within(1s);
  return process;
}

bool connects(const std::string& target) {
  const std::string path = target.substr(target.find(':') + 1);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

/// A launch with one variable changed; the fields of its line.
Result<std::vector<std::string>> fields_with(Bench& bench, const std::string& name, const std::optional<std::string>& value) {
  LaunchHow how = bench.how();
  if (value) how.env[name] = *value;
  else how.env.erase(name);
  DROVER_LET(const std::unique_ptr<Launched> process, Launched::start(how));
  const std::optional<std::string> line = process->first_line(line_max);
  EXPECT(line, "no handshake line; it said: {}", process->standard_error().substr(0, 200));
  return fields_of(*line);
}

Check versions(const std::string& name, const std::string& offered) {
  return {"handshake.versions-" + name, Level::core, Must::must, nothing,
          "Offered the protocol versions \"" + offered + "\", it answers 2", [offered](Bench& bench) -> Result<void> {
            DROVER_LET(const auto got, fields_with(bench, "PLUGIN_PROTOCOL_VERSIONS", offered));
            EXPECT(got.size() > 1 && got[1] == "2", "it answered {}", got.size() > 1 ? got[1] : "nothing");
            return {};
          }};
}

struct Secured {
  std::unique_ptr<Launched> process;
  std::vector<std::string> fields;
  rpc::SelfSigned ours;
};

Result<Secured> secured(Bench& bench) {
  Secured made;
  DROVER_LET(made.ours, rpc::make_self_signed("localhost"));
  LaunchHow how = bench.how();
  how.env["PLUGIN_CLIENT_CERT"] = made.ours.certificate;
  DROVER_LET(made.process, Launched::start(how));
  const std::optional<std::string> line = made.process->first_line(line_max);
  EXPECT(line, "no handshake line");
  made.fields = fields_of(*line);
  EXPECT(made.fields.size() > 5, "the line has no sixth field: {}", *line);
  return made;
}

Result<void> calls_over_tls(Bench& bench) {
  DROVER_LET(const Secured plugin, secured(bench));
  DROVER_LET(const std::string der, rpc::from_base64(plugin.fields[5]));
  DROVER_LET(const std::string certificate, rpc::certificate_from_der(der));
  rpc::Channel::Options options;
  options.tls = rpc::Tls{certificate, plugin.ours.certificate, plugin.ours.key, "localhost"};
  rpc::Channel channel("unix:" + plugin.fields[3], options);
  const rpc::Reply reply = call(channel, "/hashicorp.nomad.plugins.base.proto.BasePlugin/PluginInfo", "", 10s);
  EXPECT(reply.status.ok(), "PluginInfo over TLS: {}", shown(reply.status));
  return {};
}

}  // namespace handshake_part

std::vector<Check> handshake_checks() {
  using namespace handshake_part;
  return {
      {"handshake.by-hand-status", Level::core, Must::must, nothing, "Started without the magic cookie, it exits with status 1 within 5 s",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(auto process, by_hand(bench, nullptr));
         const auto ended = process->ends_within(0s);
         EXPECT(ended->code == 1, "it exited with {}", ended->code);
         return {};
       }},
      {"handshake.by-hand-quiet", Level::core, Must::must, nothing, "Started without the magic cookie, it writes nothing to standard output",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(auto process, by_hand(bench, nullptr));
         EXPECT(process->standard_output().empty(), "it wrote: {}", process->standard_output().substr(0, 100));
         return {};
       }},
      {"handshake.by-hand-explains", Level::core, Must::should, nothing, "Started without the magic cookie, it says on standard error that it is a plugin",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(auto process, by_hand(bench, nullptr));
         EXPECT(process->standard_error().find("plugin") != std::string::npos, "it said: \"{}\"", process->standard_error().substr(0, 100));
         return {};
       }},
      {"handshake.by-hand-no-socket", Level::core, Must::must, nothing, "Started without the magic cookie, it leaves no socket",
       [](Bench& bench) -> Result<void> {
         bench.drop_driver();
         const auto sockets = [&bench] {
           std::size_t found = 0;
           std::error_code ignored;
           for (const auto& entry : fs::directory_iterator(bench.setup().folder, ignored)) found += entry.is_socket(ignored) ? 1 : 0;
           return found;
         };
         const std::size_t before = sockets();
         DROVER_LET(auto process, by_hand(bench, nullptr));
         EXPECT(sockets() <= before, "a socket is left");
         return {};
       }},
      {"handshake.wrong-cookie", Level::core, Must::must, nothing, "Started with another cookie, it exits with status 1",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(auto process, by_hand(bench, "another"));
         const auto ended = process->ends_within(0s);
         EXPECT(ended->code == 1, "it exited with {}", ended->code);
         return {};
       }},
      {"handshake.line", Level::core, Must::must, nothing, "With the cookie, its first line has five to seven fields between '|'",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto all, fields(bench));
         EXPECT(all.size() >= 5 && all.size() <= 7, "it has {}", all.size());
         return {};
       }},
      {"handshake.core-version", Level::core, Must::must, nothing, "The first field is 1, the version of the handshake",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const std::string value, field(bench, 0));
         EXPECT(value == "1", "it is {}", value);
         return {};
       }},
      {"handshake.network", Level::core, Must::must, nothing, "The third field is unix or tcp",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const std::string value, field(bench, 2));
         EXPECT(value == "unix" || value == "tcp", "it is {}", value);
         return {};
       }},
      {"handshake.protocol", Level::core, Must::must, nothing, "The fifth field is grpc",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const std::string value, field(bench, 4));
         EXPECT(value == "grpc", "it is {}", value);
         return {};
       }},
      {"handshake.no-certificate", Level::core, Must::must, nothing, "Without PLUGIN_CLIENT_CERT the sixth field is absent or empty (hosts take a long one for a certificate)",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto all, fields(bench));
         EXPECT(all.size() < 6 || all[5].empty(), "it has {} characters", all[5].size());
         return {};
       }},
      {"handshake.no-multiplex", Level::core, Must::must, nothing, "Without PLUGIN_MULTIPLEX_GRPC there is no seventh field",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto all, fields(bench));
         EXPECT(all.size() < 7, "it is {}", all[6]);
         return {};
       }},
      {"handshake.socket-folder", Level::core, Must::must, nothing, "The socket lies in PLUGIN_UNIX_SOCKET_DIR",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto all, fields(bench));
         if (all[2] != "unix") return {};
         EXPECT(all[3].starts_with(bench.setup().folder + "/"), "it is {}", all[3]);
         return {};
       }},
      {"handshake.socket-tmpdir", Level::core, Must::must, nothing, "Without PLUGIN_UNIX_SOCKET_DIR the socket lies in TMPDIR",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto all, fields_with(bench, "PLUGIN_UNIX_SOCKET_DIR", std::nullopt));
         EXPECT(all.size() > 3 && (all[2] != "unix" || all[3].starts_with(bench.setup().folder + "/")), "it is {}", all.size() > 3 ? all[3] : "nowhere");
         return {};
       }},
      {"handshake.listens", Level::core, Must::must, nothing, "It accepts connections as soon as the line is written",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const std::unique_ptr<Driver> driver, bench.unconfigured());
         EXPECT(!driver->target().starts_with("unix:") || connects(driver->target()), "connecting to {} fails", driver->target());
         return {};
       }},
      versions("two", "2"),
      versions("one-and-two", "1,2"),
      versions("three-and-two", "3,2"),
      versions("none", ""),
      {"handshake.tls-certificate", Level::core, Must::must, nothing, "With PLUGIN_CLIENT_CERT the sixth field is its own certificate (DER in base64 without padding)",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Secured plugin, secured(bench));
         const auto der = rpc::from_base64(plugin.fields[5]);
         EXPECT(der && rpc::certificate_from_der(*der), "it is \"{}\"", plugin.fields[5].substr(0, 60));
         return {};
       }},
      {"handshake.tls-serves", Level::core, Must::must, nothing, "With PLUGIN_CLIENT_CERT it answers over TLS with both certificates", calls_over_tls},
      {"handshake.tls-refuses", Level::core, Must::must, nothing, "With PLUGIN_CLIENT_CERT it does not answer without TLS",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Secured plugin, secured(bench));
         rpc::Channel channel("unix:" + plugin.fields[3], rpc::Channel::Options{});
         const rpc::Reply reply = call(channel, "/hashicorp.nomad.plugins.base.proto.BasePlugin/PluginInfo", "", 3s);
         EXPECT(!reply.status.ok(), "it answered a stranger");
         return {};
       }},
      {"handshake.stdin-closed", Level::core, Must::must, nothing, "It starts with standard input closed",
       [](Bench& bench) -> Result<void> {
         LaunchHow how = bench.how();
         how.stdin_closed = true;
         DROVER_LET(const auto driver, Driver::launch(how));
         EXPECT(driver->plugin_info().ok(), "it does not answer");
         return {};
       }},
      {"handshake.few-descriptors", Level::core, Must::must, nothing, "It starts and answers with at most 1024 descriptors",
       [](Bench& bench) -> Result<void> {
         LaunchHow how = bench.how();
         how.descriptors_max = 1024;
         DROVER_LET(const auto driver, Driver::launch(how));
         EXPECT(driver->plugin_info().ok(), "it does not answer");
         return {};
       }},
  };
}

}  // namespace drover::conformance
