// A driver that is right but for one thing: raw_exec, with networks that are only names, and the fault of that name.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/loop/real_loop.h"
#include "base/rpc/self_signed.h"
#include "base/rpc/server.h"
#include "conformance/broken/faulty_call.h"
#include "plugins/raw_exec/raw_exec.h"
#include "sdk/src/blocking_pool.h"
#include "sdk/src/driver_server.h"
#include "sdk/src/handshake.h"
#include "sdk/src/log.h"

namespace drover::broken {
namespace {

namespace fs = std::filesystem;

/// raw_exec that also makes networks: an empty file each, so that another process finds them.
class Driver final : public raw_exec::RawExecDriver, public sdk::MakesNetworks {
 public:
  Driver(Settings settings, std::string folder) : RawExecDriver(std::move(settings)), folder_(std::move(folder)) {}

  Result<Made> create_network(const std::string& alloc_id, const std::string& hostname) override {
    const std::string path = path_of(alloc_id);
    const bool was_there = fs::exists(path);
    std::ofstream(path) << hostname;
    return Made{sdk::NetworkIsolation{sdk::NetworkMode::group, path, {}, {}, {}}, !was_there};
  }
  Result<void> destroy_network(const std::string& alloc_id, const sdk::NetworkIsolation&) override {
    std::error_code ignored;
    fs::remove(path_of(alloc_id), ignored);
    return {};
  }

 private:
  std::string path_of(const std::string& alloc_id) const { return folder_ + "/net-" + alloc_id; }
  const std::string folder_;
};

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

int by_hand(const Fault& fault) {
  if (fault.by_hand) return fault.by_hand();
  std::fputs("this is a plugin, and a broken one: the judge of drivers starts it\n", stderr);
  return 1;
}

int serve(const Fault& fault, const sdk::Handshake& handshake) {
  raw_exec::RawExecDriver::Settings settings;
  settings.path = environment("PATH").value_or("/usr/bin:/bin");
  const std::string path = sdk::socket_path(handshake).value();
  Driver driver(settings, fs::path(path).parent_path());
  RealLoop loop;
  sdk::BlockingPool pool;
  sdk::DriverServer service(loop, pool, driver, [&loop] { loop.stop(); });
  std::optional<rpc::SelfSigned> certificate;
  rpc::Server::Options options;
  options.address = "unix:" + path;
  options.stop_grace = std::chrono::milliseconds(300);
  if (!handshake.client_certificate.empty()) {
    certificate = rpc::make_self_signed("localhost").value();
    options.tls = rpc::Tls{handshake.client_certificate, certificate->certificate, certificate->key, {}};
    if (fault.no_tls) options.tls.reset();
  }
  auto server = rpc::Server::start(options, [&service, &fault](std::shared_ptr<rpc::Call> call, const rpc::Incoming& incoming) {
    const std::string method = last_part(incoming.method);
    auto faulty = std::make_shared<FaultyCall>(call, method, fault);
    rpc::CallEvents events = with_fault(fault, call, method, service.accept(faulty, incoming));
    if (fault.opened) fault.opened(method, *call);
    return events;
  });
  std::string line = sdk::handshake_line(path, certificate ? certificate->der : "", handshake.multiplex);
  if (fault.handshake) fault.handshake(line);
  std::puts(line.c_str());
  std::fflush(stdout);
  if (fault.started) fault.started();
  const auto guard = loop.keep_running();
  loop.run();
  server.value() = nullptr;
  _exit(0);
}

}  // namespace

rpc::CallEvents with_fault(const Fault& fault, std::shared_ptr<rpc::Call> call, const std::string& method, rpc::CallEvents events) {
  const auto taken_over = std::make_shared<bool>(false);
  const auto first = std::make_shared<bool>(true);
  if (method == fault.deaf_to_cancel) events.ended = {};
  events.received = [&fault, call, method, taken_over, first, received = std::move(events.received)](std::string bytes) {
    if (*first && fault.instead) *taken_over = fault.instead(method, bytes, *call);
    *first = false;
    if (*taken_over) return;
    if (fault.request) fault.request(method, bytes);
    if (received) received(std::move(bytes));
  };
  return events;
}

}  // namespace drover::broken

int main(int argc, char** argv) {
  using namespace drover;
  static const broken::Faults faults = broken::all_faults();
  const std::string wanted = argc > 1 ? argv[1] : "";
  if (wanted == "--list") {
    for (const auto& [id, fault] : faults) std::puts(id.c_str());
    return 0;
  }
  const auto found = faults.find(wanted);
  // No check's fault: `--dies-when-told FOLDER`, for tests that kill a driver at a call of theirs.
  static const broken::Fault other = wanted == "--dies-when-told" && argc > 2 ? broken::dies_when_told(argv[2]) : broken::Fault();
  const broken::Fault& fault = found == faults.end() ? other : found->second;
  const auto handshake = sdk::read_handshake(broken::environment);
  if (!handshake) return broken::by_hand(fault);
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};
  nothing.sa_flags = SA_RESTART;
  if (!fault.dies_of_ctrl_c) sigaction(SIGINT, &nothing, nullptr);
  if (!fault.dies_of_sigpipe) sigaction(SIGPIPE, &nothing, nullptr);
  for (const char* name : {"NOMAD_PLUGIN_MAGIC_COOKIE", "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_UNIX_SOCKET_DIR"}) unsetenv(name);
  sdk::set_log_module("broken");
  sdk::route_grpc_log();
  return broken::serve(fault, *handshake);
}
