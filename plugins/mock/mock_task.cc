#include "plugins/mock/mock_task.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace drover::mock {
namespace {

/// Writes what fits; a reader that is not there loses it.
void write_to(const std::string& path, const std::string& text) {
  if (path.empty() || text.empty()) return;
  const int fd = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = write(fd, text.data(), text.size());
  close(fd);
}

}  // namespace

MockTask::MockTask(const sdk::TaskConfig& config, Script script, Clock::time_point started, bool print)
    : script_(std::move(script)),
      started_(started),
      out_{config.stdout_path, script_.out(), started, print && !script_.stdout_string.empty() ? script_.stdout_repeat + 1 : 0},
      err_{config.stderr_path, script_.err(), started, print && !script_.stderr_string.empty() ? script_.stderr_repeat + 1 : 0},
      end_(started + std::chrono::duration_cast<Clock::duration>(script_.run_time())),
      exit_(scripted_exit()) {}

sdk::Exit MockTask::scripted_exit() const {
  sdk::Exit exit = script_.exit_signal != 0 ? sdk::Exit::of_signal(script_.exit_signal) : sdk::Exit::of_code(script_.exit_code);
  exit.error = script_.exit_err_msg;
  return exit;
}

void MockTask::print_due(Printer& printer, Clock::time_point now) {
  while (printer.left > 0 && printer.next <= now) {
    write_to(printer.path, printer.output.text);
    printer.next += std::chrono::duration_cast<Clock::duration>(printer.output.every);
    --printer.left;
  }
}

sdk::Exit MockTask::wait() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const Clock::time_point now = Clock::now();
    print_due(out_, now);
    print_due(err_, now);
    if (end_ <= now) break;
    Clock::time_point next = end_;
    if (out_.left > 0) next = std::min(next, out_.next);
    if (err_.left > 0) next = std::min(next, err_.next);
    changed_.wait_until(lock, next);
  }
  ended_ = true;
  changed_.notify_all();
  return exit_;
}

Result<void> MockTask::stop(int signal, sdk::Duration grace) {
  std::unique_lock lock(mutex_);
  const sdk::Duration needed = script_.kill_time();
  const bool obeys = needed <= grace && grace > sdk::Duration::zero();
  const Clock::time_point end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::max(std::min(needed, grace), sdk::Duration::zero()));
  if (!ended_ && end < end_) {
    end_ = end;
    exit_ = sdk::Exit::of_signal(obeys ? (signal != 0 ? signal : SIGINT) : SIGKILL);
    changed_.notify_all();
  }
  changed_.wait(lock, [this] { return ended_; });
  return {};
}

std::string MockTask::checkpoint() const {
  return std::to_string(std::chrono::duration_cast<sdk::Duration>(started_.time_since_epoch()).count());
}

std::map<std::string, std::string> MockTask::attributes() const { return {{"run_for", script_.run_for}}; }

std::optional<sdk::NetworkOverride> MockTask::network() const {
  if (script_.driver_ip.empty() && script_.driver_port_map.empty()) return std::nullopt;
  sdk::NetworkOverride given{{}, script_.driver_ip, script_.driver_advertise};
  const std::size_t colon = script_.driver_port_map.find(':');
  if (colon != std::string::npos) {
    given.port_map[script_.driver_port_map.substr(0, colon)] = std::atoi(script_.driver_port_map.c_str() + colon + 1);
  }
  return given;
}

Result<void> MockTask::signal(int) {
  if (!script_.signal_error.empty()) return fail(Code::invalid, "{}", script_.signal_error);
  return {};
}

Result<sdk::TaskUsage> MockTask::usage() {
  sdk::TaskUsage usage;
  usage.total.memory.rss = 1 << 20;
  usage.total.memory.measured = {"RSS"};
  usage.total.cpu.percent = 1;
  usage.total.cpu.measured = {"Percent"};
  return usage;
}

}  // namespace drover::mock
