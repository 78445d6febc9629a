#include "sdk/shim/supervised.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <sys/wait.h>

#include "sdk/shim/protocol.h"
#include "sdk/shim/remains.h"

namespace drover::sdk::shim {

namespace {

constexpr auto kill_limit = std::chrono::seconds(15);   // from SIGKILL until all must be gone
constexpr auto remains_limit = std::chrono::seconds(5);
constexpr const char* killed_supervisor = "exit unknown: its supervisor was killed";

Result<std::string> read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::not_found, "{} is missing", path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

std::int64_t number_in(std::string_view content, std::string_view name) { return std::strtoll(line_value(content, name).c_str(), nullptr, 10); }

Error ended(const Identity& identity) { return fail(Code::not_found, "process {} has ended", identity.main.pid); }

}  // namespace

std::string to_text(const Identity& identity) {
  return text("version=1\nboot={}\nstate_dir={}\nshim_pid={}\nshim_start={}\npid={}\nstart={}\nstarted_ns={}\n", identity.boot_id, identity.state_dir,
              identity.shim.pid, identity.shim.start_ticks, identity.main.pid, identity.main.start_ticks, identity.started_ns);
}

Result<Identity> parse_identity(std::string_view saved) {
  if (line_value(saved, "version") != "1") return fail(Code::invalid, "the saved state of a process cannot be read: not of version 1");
  Identity identity;
  identity.boot_id = line_value(saved, "boot");
  identity.state_dir = line_value(saved, "state_dir");
  identity.shim = {static_cast<int>(number_in(saved, "shim_pid")), static_cast<std::uint64_t>(number_in(saved, "shim_start"))};
  identity.main = {static_cast<int>(number_in(saved, "pid")), static_cast<std::uint64_t>(number_in(saved, "start"))};
  identity.started_ns = number_in(saved, "started_ns");
  if (identity.main.pid <= 0 || identity.shim.pid <= 0 || !identity.state_dir.starts_with('/'))
    return fail(Code::invalid, "the saved state of a process cannot be read: it names no process");
  return identity;
}

void Ending::finish(Exit exit) {
  std::function<void(const Exit&)> handler;
  {
    const std::lock_guard lock(mutex_);
    if (exit_) return;
    exit_ = exit;
    handler = std::move(handler_);
    changed_.notify_all();
  }
  if (handler) handler(exit);
}

std::optional<Exit> Ending::get() const {
  const std::lock_guard lock(mutex_);
  return exit_;
}

Exit Ending::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return exit_.has_value(); });
  return *exit_;
}

std::optional<Exit> Ending::wait_for(Duration limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return exit_.has_value(); });
  return exit_;
}

void Ending::on_exit(std::function<void(const Exit&)> handler) {
  std::optional<Exit> exit;
  {
    const std::lock_guard lock(mutex_);
    if (!exit_) {
      handler_ = std::move(handler);
      return;
    }
    exit = exit_;
  }
  if (handler) handler(*exit);
}

std::optional<Exit> read_exit_record(const std::string& state_dir) {
  const auto content = read_whole(state_dir + "/" + exit_file);
  if (!content.ok() || line_value(*content, "code").empty()) return std::nullopt;
  Exit exit;
  exit.code = static_cast<int>(number_in(*content, "code"));
  exit.signal = static_cast<int>(number_in(*content, "signal"));
  exit.oom_killed = number_in(*content, "oom") != 0;
  return exit;
}

SupervisedProcess::SupervisedProcess(std::string shim_path, Identity identity, Placement placement)
    : shim_path_(std::move(shim_path)), identity_(std::move(identity)), placement_(std::move(placement)) {}

void SupervisedProcess::conclude(const Identity& identity, const Placement& placement, Ending& ending) {
  // Nothing of an ordered end is left; what a killed shim leaves must not run on unseen.
  static_cast<void>(kill_remains(identity.main, placement, remains_limit));
  if (const auto exit = read_exit_record(identity.state_dir)) return ending.finish(*exit);
  ending.finish(Exit::unknown(killed_supervisor));
}

Result<void> SupervisedProcess::signal(int number) {
  if (ending_->get()) return ended(identity_);
  return send_signal(identity_.main, number);
}

Result<void> SupervisedProcess::stop(int number, Duration grace) {
  if (ending_->get()) return {};
  if (grace > Duration(0)) {
    const auto sent = send_signal(identity_.main, number);
    if (!sent.ok() && sent.error().code != Code::not_found) return sent;
    if (ending_->wait_for(grace)) return {};
  }
  const auto killed = send_signal(identity_.main, SIGKILL);
  if (!killed.ok() && killed.error().code != Code::not_found) return killed;
  if (ending_->wait_for(kill_limit)) return {};
  return fail(Code::timeout, "process {} or its children do not die within {} s of SIGKILL", identity_.main.pid, std::chrono::seconds(kill_limit).count());
}

Result<void> SupervisedProcess::destroy() {
  DROVER_TRY(stop(SIGKILL, Duration(0)));
  std::error_code error;
  std::filesystem::remove_all(identity_.state_dir, error);
  if (placement_.owned) DROVER_TRY(remove_group(placement_));
  if (error) return fail(Code::internal, "remove {}: {}", identity_.state_dir, error.message());
  return {};
}

Result<std::unique_ptr<ExecSession>> SupervisedProcess::exec(const ExecSpec& spec, ExecSession::Handlers handlers) {
  if (ending_->get()) return ended(identity_);
  DROVER_LET(const std::string content, read_whole(identity_.state_dir + "/" + spec_file));
  DROVER_LET(const SpecEntries entries, parse_spec(content));
  DROVER_LET(const SpecText for_shim, exec_spec(entries, spec));
  return start_exec(shim_path_, for_shim, spec, std::move(handlers));
}

}  // namespace drover::sdk::shim
