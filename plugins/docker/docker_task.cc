#include "plugins/docker/docker_task.h"

#include <drover/process.h>
#include <drover/serve.h>

#include <csignal>
#include <filesystem>
#include <utility>

#include "plugins/docker/exec.h"
#include "plugins/docker/json.h"
#include "plugins/docker/usage.h"

namespace drover::docker {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Duration drain_max = 10s;  ///< for the last lines of a log, before the end is told without them
constexpr Duration kill_max = 30s;
constexpr Duration kill_patience = 20s;  ///< for an engine that is away
constexpr Duration between_tries = 250ms;

std::string position_path(const sdk::TaskConfig& config, const std::string& container) {
  return config.task_dir() + "/private/docker/" + container.substr(0, 16) + ".log-position";
}

std::string signal_text(int number) {
  const std::string name = sdk::signal_name(number);
  return name.empty() ? std::to_string(number) : name;
}

}  // namespace

std::string Checkpoint::encode() const {
  return json::serialize(json::object{{"container", container},
                                      {"image", image},
                                      {"image_reference", image_reference},
                                      {"image_pulled", image_pulled},
                                      {"terminal", terminal},
                                      {"stop_signal", stop_signal},
                                      {"address", address},
                                      {"advertise", advertise}});
}

Result<Checkpoint> Checkpoint::decode(const std::string& text) {
  DROVER_LET(const json::value value, parse_json(text, "the checkpoint of the task"));
  Checkpoint out{text_at(value, "container"),   text_at(value, "image"),   text_at(value, "image_reference"), bool_at(value, "image_pulled"),
                 bool_at(value, "terminal"), text_at(value, "stop_signal"), text_at(value, "address"),         bool_at(value, "advertise")};
  if (out.container.empty()) return fail(Code::invalid, "the checkpoint of the task names no container");
  return out;
}

/// The end of the container, for everyone who asks. Lives as long as anybody may.
struct DockerTask::Ending {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<sdk::Exit> exit;
  std::function<void(const sdk::Exit&)> handler;

  void tell(const sdk::Exit& how) {
    std::function<void(const sdk::Exit&)> told;
    {
      const std::lock_guard lock(mutex);
      if (exit) return;
      exit = how;
      told = std::move(handler);
      changed.notify_all();
    }
    if (told) told(how);
  }
};

DockerTask::DockerTask(const sdk::TaskConfig& config, Checkpoint checkpoint, Surroundings surroundings)
    : checkpoint_(std::move(checkpoint)),
      around_(std::move(surroundings)),
      position_path_(position_path(config, checkpoint_.container)),
      ending_(std::make_shared<Ending>()) {
  if (around_.collect_logs) {
    const LogPump::Settings settings{checkpoint_.container, config.stdout_path, config.stderr_path, position_path_, checkpoint_.terminal};
    pump_ = std::make_shared<LogPump>(*around_.engine, settings);
  }
  ContainerWatch::Events events;
  // The end is told when the last lines are through, or will not come.
  events.ended = [ending = ending_, pump = pump_, engine = around_.engine.get()](const sdk::Exit& exit) {
    if (!pump) return ending->tell(exit);
    pump->finish([ending, exit] { ending->tell(exit); });
    engine->http().after(drain_max, [ending, exit] { ending->tell(exit); });
  };
  events.unreachable = [say = around_.say](const std::string& why) { say("Docker engine cannot be reached, the task is looked after again when it is back: " + why); };
  events.reachable = [say = around_.say] { say("Docker engine is back, and the task with it"); };
  watch_ = std::make_shared<ContainerWatch>(*around_.engine, checkpoint_.container, std::move(events));
}

DockerTask::~DockerTask() {
  watch_->stop();
  if (pump_) pump_->stop();
}

void DockerTask::follow() {
  if (pump_) pump_->begin();
  watch_->begin();
}

sdk::Exit DockerTask::wait() {
  std::unique_lock lock(ending_->mutex);
  ending_->changed.wait(lock, [this] { return ending_->exit.has_value(); });
  return *ending_->exit;
}

bool DockerTask::on_exit(std::function<void(const sdk::Exit&)> handler) {
  std::unique_lock lock(ending_->mutex);
  if (!ending_->exit) {
    ending_->handler = std::move(handler);
    return true;
  }
  const sdk::Exit exit = *ending_->exit;
  lock.unlock();
  handler(exit);
  return true;
}

bool DockerTask::wait_ended(sdk::Duration limit) {
  std::unique_lock lock(ending_->mutex);
  return ending_->changed.wait_for(lock, limit, [this] { return ending_->exit.has_value(); });
}

/// An engine that is away may be back in a moment.
Result<void> DockerTask::send(const std::string& signal, sdk::Duration patience) {
  const Clock::time_point end = Clock::now() + std::chrono::duration_cast<Clock::duration>(patience);
  for (;;) {
    const Result<void> sent = around_.engine->kill(checkpoint_.container, signal);
    const bool may_help = !sent && (sent.error().code == Code::unavailable || sent.error().code == Code::timeout);
    if (!may_help || Clock::now() > end) return sent;
    if (wait_ended(between_tries)) return {};
  }
}

Result<void> DockerTask::stop(int signal, sdk::Duration grace) {
  if (wait_ended(0s)) return {};
  const std::string gentle = signal != 0 ? signal_text(signal) : checkpoint_.stop_signal.empty() ? "SIGTERM" : checkpoint_.stop_signal;
  if (grace > Duration::zero()) {
    const Result<void> asked = send(gentle, grace);
    if (!asked && asked.error().code == Code::invalid) return asked;
    if (wait_ended(grace)) return {};
  }
  DROVER_TRY(send("SIGKILL", kill_patience));
  if (wait_ended(kill_max)) return {};
  return fail(Code::timeout, "container {} was killed, but did not end within 30 s", checkpoint_.container.substr(0, 12));
}

Result<void> DockerTask::destroy() {
  watch_->stop();
  if (pump_) pump_->stop();
  // An engine that is away removes it when it is back; the task's next start does not wait for that.
  if (around_.remove_container && !around_.engine->remove(checkpoint_.container)) around_.remove_later();
  std::error_code ignored;
  std::filesystem::remove(position_path_, ignored);
  return around_.release();
}

std::map<std::string, std::string> DockerTask::attributes() const {
  return {{"container_id", checkpoint_.container}, {"image_id", checkpoint_.image}};
}

std::optional<sdk::NetworkOverride> DockerTask::network() const {
  if (checkpoint_.address.empty()) return std::nullopt;
  return sdk::NetworkOverride{{}, checkpoint_.address, checkpoint_.advertise};
}

Result<void> DockerTask::signal(int number) { return around_.engine->kill(checkpoint_.container, signal_text(number)); }

Result<sdk::TaskUsage> DockerTask::usage() {
  DROVER_LET(const std::string stats, around_.engine->stats(checkpoint_.container));
  return parse_usage(stats, around_.mhz_of_core);
}

Result<std::unique_ptr<sdk::ExecSession>> DockerTask::exec(const sdk::ExecSpec& spec, sdk::ExecSession::Handlers handlers) {
  return Exec::start(around_.engine, checkpoint_.container, spec, std::move(handlers));
}

}  // namespace drover::docker
