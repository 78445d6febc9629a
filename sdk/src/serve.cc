#include <drover/serve.h>

#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/loop/real_loop.h"
#include "base/loop/start.h"
#include "base/rpc/self_signed.h"
#include "base/rpc/server.h"
#include "sdk/src/blocking_pool.h"
#include "sdk/src/driver_server.h"
#include "sdk/src/handshake.h"
#include "sdk/src/log.h"

namespace drover {
namespace {

using namespace sdk;

constexpr Duration stop_grace = std::chrono::milliseconds(300);  // hosts kill after two seconds

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

/// What the handshake told us is not for our children: a helper that sees it would try to be a plugin.
void forget_handshake() {
  for (const char* name : {cookie_name, "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_MIN_PORT", "PLUGIN_MAX_PORT",
                           "PLUGIN_CLIENT_CERT", "PLUGIN_UNIX_SOCKET_DIR", "PLUGIN_UNIX_SOCKET_GROUP",
                           "PLUGIN_MULTIPLEX_GRPC"}) {
    unsetenv(name);
  }
}

/// Ctrl-C at the agent's terminal is for the agent; a log line that nobody reads is no reason to die. Handlers instead of
/// SIG_IGN, because what is ignored stays ignored in the programs we start.
void guard_signals() {
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};
  nothing.sa_flags = SA_RESTART;
  sigaction(SIGINT, &nothing, nullptr);
  sigaction(SIGPIPE, &nothing, nullptr);
}

Result<void> give_to_group(const std::string& path, const std::string& group) {
  if (group.empty()) return {};
  char* end = nullptr;
  unsigned long number = std::strtoul(group.c_str(), &end, 10);
  if (*end != '\0') {
    const struct group* found = getgrnam(group.c_str());
    if (found == nullptr) return fail(Code::not_found, "there is no group '{}' for the socket", group);
    number = found->gr_gid;
  }
  if (chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(number)) != 0 || chmod(path.c_str(), 0660) != 0) {
    return fail(Code::denied, "cannot give the socket {} to group '{}'", path, group);
  }
  return {};
}

/// Certificates for both ends, when the host sent its own.
Result<std::optional<rpc::SelfSigned>> make_certificate(const Handshake& handshake) {
  if (handshake.client_certificate.empty()) return std::optional<rpc::SelfSigned>();
  DROVER_LET(rpc::SelfSigned made, rpc::make_self_signed("localhost"));
  return std::optional(std::move(made));
}

Result<void> serve_until_shutdown(Driver& driver, const Handshake& handshake) {
  DROVER_LET(const std::string path, socket_path(handshake));
  DROVER_LET(const std::optional<rpc::SelfSigned> certificate, make_certificate(handshake));

  RealLoop loop;
  BlockingPool pool;
  DriverServer service(loop, pool, driver, [&loop] { loop.stop(); });
  rpc::Server::Options options;
  options.address = "unix:" + path;
  options.stop_grace = stop_grace;
  if (certificate) options.tls = rpc::Tls{handshake.client_certificate, certificate->certificate, certificate->key, {}};
  DROVER_LET(auto server, rpc::Server::start(options, [&service](std::shared_ptr<rpc::Call> call,
                                                                 const rpc::Incoming& incoming) {
    return service.accept(std::move(call), incoming);
  }));
  DROVER_TRY(give_to_group(path, handshake.socket_group));

  std::printf("%s\n", handshake_line(path, certificate ? certificate->der : "", handshake.multiplex).c_str());
  std::fflush(stdout);
  const auto guard = loop.keep_running();
  loop.run();

  server.reset();
  // Calls into the author's code may still block, for ever if it likes; tasks go on without us. So the process ends here.
  std::fflush(stderr);
  _exit(0);
}

}  // namespace

int serve(Driver& driver) {
  const DriverInfo info = driver.info();
  const Result<Handshake> handshake = read_handshake(environment);
  if (!handshake) {
    std::fputs(explanation(info.name, info.version).c_str(), stderr);
    return 1;
  }
  set_log_module(info.name);
  route_grpc_log();
  guard_signals();
  forget_handshake();
  const Result<void> served = serve_until_shutdown(driver, *handshake);
  if (!served) log(Level::error, "cannot serve the driver: " + served.error().message);
  return 1;
}

}  // namespace drover
