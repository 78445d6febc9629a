// Wrong handshakes, wrong processes.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "conformance/broken/fault.h"

namespace drover::broken {
namespace process_part {

/// Replaces one field of the line, or adds it.
Fault line_field(std::size_t number, const std::string& value) {
  Fault fault;
  fault.handshake = [number, value](std::string& line) {
    std::vector<std::string> fields(1);
    for (const char c : line) {
      if (c == '|') fields.emplace_back();
      else fields.back() += c;
    }
    while (fields.size() <= number) fields.emplace_back();
    fields[number] = value;
    line.clear();
    for (const std::string& field : fields) line += (line.empty() ? "" : "|") + field;
  };
  return fault;
}

Fault by_hand(std::function<int()> what) {
  Fault fault;
  fault.by_hand = std::move(what);
  return fault;
}

Fault logs(const std::string& line) {
  Fault fault;
  fault.started = [line] { std::fprintf(stderr, "%s\n", line.c_str()); };
  return fault;
}

int leave_a_socket() {
  const char* folder = std::getenv("PLUGIN_UNIX_SOCKET_DIR");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s/left", folder != nullptr ? folder : "/tmp");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  static_cast<void>(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  std::fputs("plugin\n", stderr);
  return 1;
}

/// Ends some time after it began to serve.
Fault ends_after(int milliseconds) {
  Fault fault;
  fault.started = [milliseconds] {
    std::thread([milliseconds] {
      ::usleep(static_cast<useconds_t>(milliseconds) * 1000);
      _exit(0);
    }).detach();
  };
  return fault;
}

Fault versions_other_than(const char* good) {
  // It answers 2 only to the offer that it knows.
  Fault fault = line_field(1, "1");
  const auto change = fault.handshake;
  static const std::string offered = std::getenv("PLUGIN_PROTOCOL_VERSIONS") != nullptr ? std::getenv("PLUGIN_PROTOCOL_VERSIONS") : "";
  fault.handshake = [change, good = std::string(good)](std::string& line) {
    if (offered != good) return;
    change(line);
  };
  return fault;
}

}  // namespace process_part

void add_process_faults(Faults& faults) {
  using namespace process_part;
  faults["handshake.by-hand-status"] = by_hand([] { return std::fputs("plugin\n", stderr), 0; });
  faults["handshake.by-hand-quiet"] = by_hand([] { return std::puts("I am a plugin"), std::fputs("plugin\n", stderr), 1; });
  faults["handshake.by-hand-explains"] = by_hand([] { return 1; });
  faults["handshake.by-hand-no-socket"] = by_hand(leave_a_socket);
  faults["handshake.wrong-cookie"] = by_hand([] { return std::fputs("plugin\n", stderr), 0; });
  faults["handshake.line"] = line_field(8, "more");
  faults["handshake.core-version"] = line_field(0, "2");
  faults["handshake.network"] = line_field(2, "udp");
  faults["handshake.protocol"] = line_field(4, "netrpc");
  faults["handshake.no-certificate"] = line_field(5, "short");
  faults["handshake.no-multiplex"] = line_field(6, "true");
  faults["handshake.socket-folder"] = line_field(3, "/nonexistent/socket");
  faults["handshake.socket-tmpdir"] = line_field(3, "/nonexistent/socket");
  faults["handshake.listens"] = line_field(3, "/nonexistent/socket");
  faults["handshake.versions-two"] = versions_other_than("2");
  faults["handshake.versions-one-and-two"] = versions_other_than("1,2");
  faults["handshake.versions-three-and-two"] = versions_other_than("3,2");
  faults["handshake.versions-none"] = versions_other_than("");
  faults["handshake.tls-certificate"] = line_field(5, "no certificate");
  faults["handshake.tls-serves"].no_tls = true;
  faults["handshake.tls-refuses"].no_tls = true;
  faults["handshake.stdin-closed"].started = [] {
    char target[64] = "";
    static_cast<void>(!::readlink("/proc/self/fd/0", target, sizeof target - 1));
    if (std::strcmp(target, "/dev/null") != 0) _exit(1);  // closed, or taken by something else since
  };
  faults["handshake.few-descriptors"].started = [] {
    if (::sysconf(_SC_OPEN_MAX) <= 1024) _exit(1);
  };

  faults["process.ctrl-c"].dies_of_ctrl_c = true;
  faults["process.connections-closed"] = ends_after(400);
  faults["process.two-connections"] = fails("PluginInfo");
  faults["process.output-closed"] = logs("hello");
  faults["process.output-closed"].dies_of_sigpipe = true;
  faults["process.output-closed"].request = [](const std::string&, std::string&) { static_cast<void>(!::write(2, "x\n", 2)); };
  faults["process.quiet-output"].started = [] {
    std::puts("hello");
    std::fflush(stdout);
  };
  faults["process.log-objects"] = logs("hello");
  faults["process.log-texts"] = logs(R"({"@level":"info","@message":5,"@timestamp":"2020-01-01T00:00:00.000000Z"})");
  faults["process.log-line-length"] = logs(std::string(70000, 'x'));
  faults["process.two-at-once"].started = [] {
    // A name in the abstract namespace that only one process can hold.
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, "drover-broken-driver", 20);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) _exit(1);
  };
  faults["process.shutdown"] = hangs("Shutdown");
  faults["process.shutdown-status"] = dies("Shutdown");
  faults["process.shutdown-with-streams"] = hangs("Shutdown");
  faults["process.shutdown-socket"] = dies("Shutdown");
  faults["process.health"] = fails("Check", rpc::StatusCode::unimplemented);
  faults["process.stdio"] = ends_at_once("StreamStdio");
  faults["process.broker"].opened = [](const std::string& method, rpc::Call& call) {
    if (method == "StartStream") call.close();
  };
  faults["process.unknown-method"].status = [](const std::string& method, rpc::Status& status, int) {
    if (method == "NoSuchMethod") status.code = rpc::StatusCode::unknown;
    return false;
  };
  faults["process.unknown-service"].status = [](const std::string& method, rpc::Status& status, int) {
    if (method == "Method") status.code = rpc::StatusCode::unknown;
    return false;
  };
}

}  // namespace drover::broken
