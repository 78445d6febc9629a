#include "sdk/host/plugin_process.h"

#include <signal.h>

#include "base/rpc/duplex.h"
#include "base/rpc/self_signed.h"
#include "sdk/proto/handshake.pb.h"

namespace drover::host {
namespace {

constexpr Duration connect_max = std::chrono::seconds(5);
constexpr Duration last_words_wait = std::chrono::milliseconds(50);  // what it wrote on its way out may still be in the pipe

std::vector<std::string> handshake_env(const std::string& folder) {
  return {"NOMAD_PLUGIN_MAGIC_COOKIE=e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255",
          "PLUGIN_PROTOCOL_VERSIONS=2", "PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000",
          "PLUGIN_UNIX_SOCKET_DIR=" + folder};
}

}  // namespace

PluginProcess::PluginProcess(Loop& loop, LaunchPlugin what, LogSink log)
    : loop_(loop), what_(std::move(what)), log_(std::move(log)), changed_(loop), scope_(loop) {}

PluginProcess::~PluginProcess() = default;

Result<void> PluginProcess::open_pipes() {
  DROVER_LET(stdout_, LinePipe::open(loop_, what_.folder + "/stdout"));
  DROVER_LET(stderr_, LinePipe::open(loop_, what_.folder + "/stderr"));
  return {};
}

Result<void> PluginProcess::start(const std::vector<std::string>& extra_env) {
  const Result<void> executable = check_executable(what_.program);
  if (!executable) {
    const bool may_be_made_so = executable.error().code == Code::denied;
    return Error{executable.error().code, executable.error().message + (may_be_made_so ? ": chmod +x it if it is a plugin, else take it out of the plugin folder"
                                                                                     : ": install a plugin built for this machine, or take the file out of the plugin folder")};
  }
  DROVER_LET(const Fd out, stdout_->open_for_plugin());
  DROVER_LET(const Fd err, stderr_->open_for_plugin());
  LaunchSpec spec;
  spec.program = what_.program;
  spec.args = what_.args;
  spec.env = what_.env;
  for (const std::string& variable : handshake_env(what_.folder)) spec.env.push_back(variable);
  for (const std::string& variable : extra_env) spec.env.push_back(variable);
  spec.stdout_fd = out.get();
  spec.stderr_fd = err.get();
  DROVER_LET(process_, drover::launch(loop_, spec));
  process_->on_exit([this](const ExitStatus&) { changed_.notify(); });
  scope_.spawn(stdout_->read_lines([this](std::string line) { said(std::move(line)); }));
  scope_.spawn(stderr_->read_lines([this](std::string line) { heard(std::move(line)); }));
  return {};
}

void PluginProcess::said(std::string line) {
  if (!has_first_line_) {
    has_first_line_ = true;
    first_line_ = std::move(line);
    changed_.notify();
    return;
  }
  log_(PluginLogLine{PluginLevel::debug, "on standard output: " + shown(line), {}});
}

void PluginProcess::heard(std::string line) {
  if (line.empty()) return;
  last_stderr_ = line;
  log_(log_reader_.read(line));
}

std::string PluginProcess::last_words() const {
  return last_stderr_.empty() ? "" : "; its last words: " + shown(last_stderr_);
}

Async<Result<HandshakeLine>> PluginProcess::shake_hands() {
  const Duration deadline = loop_.uptime() + what_.handshake_limit;
  while (!has_first_line_) {
    if (process_->has_ended()) {
      co_await loop_.sleep(last_words_wait);
      if (has_first_line_) break;
      const Result<ExitStatus> status = co_await process_->wait();
      co_return fail(Code::invalid, "{} before the handshake: it is no plugin (take it out of the plugin folder), or failed early{}",
                     status ? to_text(*status) : status.error().message, last_words());
    }
    const Duration left = deadline - loop_.uptime();
    if (left <= Duration::zero()) {
      const auto seconds = std::chrono::duration_cast<std::chrono::milliseconds>(what_.handshake_limit).count() / 1000.0;
      co_return fail(Code::timeout, "did not shake hands within {} s and was killed: it is no plugin (take it out of the plugin folder), or hangs{}", seconds, last_words());
    }
    const bool goes_on = co_await changed_.wait_for(left);
    if (!goes_on) co_return fail(Code::cancelled, "the launch was given up");
  }
  co_return parse_handshake_line(first_line_);
}

Async<Result<std::unique_ptr<PluginProcess>>> PluginProcess::launch(Loop& loop, LaunchPlugin what, LogSink log) {
  std::unique_ptr<PluginProcess> plugin(new PluginProcess(loop, std::move(what), std::move(log)));
  std::vector<std::string> extra_env;
  rpc::Channel::Options options;
  if (plugin->what_.auto_tls) {
    DROVER_CO_LET(const rpc::SelfSigned ours, rpc::make_self_signed("localhost"));
    extra_env.push_back("PLUGIN_CLIENT_CERT=" + ours.certificate);
    options.tls = rpc::Tls{{}, ours.certificate, ours.key, "localhost"};
  }
  DROVER_CO_TRY(plugin->open_pipes());
  DROVER_CO_TRY(plugin->start(extra_env));

  Result<HandshakeLine> line = co_await plugin->shake_hands();
  if (line && options.tls && line->certificate_der.empty()) line = fail(Code::invalid, "does not support TLS");
  if (line && options.tls) {
    const Result<std::string> certificate = rpc::certificate_from_der(line->certificate_der);
    if (certificate) options.tls->trusted_roots = *certificate;
    if (!certificate) line = certificate.error();
  }
  if (!line) {
    // It has no tasks yet: whatever it started goes with it. A group lives as long as its first process is not reaped.
    if (!plugin->process_->has_ended()) ::kill(-plugin->pid(), SIGKILL);
    co_await plugin->kill();
    co_return line.error();
  }
  plugin->target_ = line->target();
  plugin->channel_ = std::make_unique<rpc::Channel>(plugin->target_, options);
  plugin->watch_streams();
  co_return plugin;
}

Async<Result<std::unique_ptr<PluginProcess>>> PluginProcess::reattach(Loop& loop, LaunchPlugin what, Reattach saved,
                                                                      LogSink log) {
  std::unique_ptr<PluginProcess> plugin(new PluginProcess(loop, std::move(what), std::move(log)));
  DROVER_CO_LET(plugin->process_, drover::watch(loop, saved.process));
  DROVER_CO_TRY(plugin->open_pipes());
  plugin->has_first_line_ = true;
  plugin->target_ = saved.target;
  plugin->process_->on_exit([self = plugin.get()](const ExitStatus&) { self->changed_.notify(); });
  plugin->channel_ = std::make_unique<rpc::Channel>(saved.target, rpc::Channel::Options{});

  // Any answer shows that somebody listens there; the health service is optional.
  const rpc::Reply alive = co_await plugin->channel_->call(loop, "/grpc.health.v1.Health/Check", "\n\x06plugin",
                                                           rpc::CallOptions{connect_max, true});
  if (alive.status.code == rpc::StatusCode::unavailable || alive.status.code == rpc::StatusCode::deadline_exceeded ||
      alive.status.code == rpc::StatusCode::cancelled) {
    co_await plugin->kill();
    co_return fail(Code::unavailable, "the running plugin does not answer any more: {}", alive.status.message);
  }
  plugin->scope_.spawn(plugin->stdout_->read_lines([self = plugin.get()](std::string line) { self->said(std::move(line)); }));
  plugin->scope_.spawn(plugin->stderr_->read_lines([self = plugin.get()](std::string line) { self->heard(std::move(line)); }));
  plugin->watch_streams();
  co_return plugin;
}

/// Go plugins block on their own output unless somebody reads StreamStdio.
void PluginProcess::watch_streams() {
  scope_.spawn(stay_in_touch("/plugin.GRPCStdio/StreamStdio"));
  scope_.spawn(stay_in_touch("/plugin.GRPCBroker/StartStream"));
}

Async<void> PluginProcess::stay_in_touch(std::string method) {
  const auto open = [this, &method](rpc::CallEvents events) {
    std::shared_ptr<rpc::Call> call = channel_->open(method, std::move(events));
    // The stdio stream answers one empty request; the broker's is both ways and idle.
    if (method.ends_with("StreamStdio")) static_cast<void>(call->send("")), call->close();
    return call;
  };
  const std::unique_ptr<rpc::ByteDuplex> stream = rpc::duplex_of(loop_, open);
  for (;;) {
    const Result<std::string> message = co_await stream->receive();
    if (!message) co_return;
    plugin::StdioData data;
    if (data.ParseFromString(*message) && !data.data().empty()) {
      log_(PluginLogLine{PluginLevel::debug, "printed: " + shown(data.data()), {}});
    }
  }
}

Reattach PluginProcess::reattach_data() const { return Reattach{process_->id(), target_}; }

Async<Result<std::string>> PluginProcess::exited() {
  const Result<ExitStatus> status = co_await process_->wait();
  if (!status) co_return status.error();
  co_await loop_.sleep(last_words_wait);
  co_return to_text(*status) + last_words();
}

Async<void> PluginProcess::kill() {
  if (process_ && !process_->has_ended()) {
    static_cast<void>(process_->signal(SIGKILL));
    static_cast<void>(co_await process_->wait());
  }
  co_await detach();
}

Async<void> PluginProcess::shut_down() {
  // Its result says nothing: a plugin may break off the connection while it answers.
  co_await channel_->call(loop_, "/plugin.GRPCController/Shutdown", "", rpc::CallOptions{exit_grace, false});
  const Duration deadline = loop_.uptime() + exit_grace;
  while (!process_->has_ended() && loop_.uptime() < deadline) {
    const bool goes_on = co_await changed_.wait_for(deadline - loop_.uptime());
    if (!goes_on) break;
  }
  co_await kill();
}

Async<void> PluginProcess::detach() { co_await scope_.stop(); }

}  // namespace drover::host
