// The life of a driver's tasks: start, recover, wait, stop, destroy, look at, signal, measure.
#include <drover/process.h>

#include <algorithm>
#include <thread>

#include "base/msgpack/msgpack.h"
#include "sdk/proto/driver.pb.h"
#include "sdk/src/convert.h"
#include "sdk/src/driver_server.h"
#include "sdk/src/log.h"
#include "sdk/src/schema.h"

namespace drover::sdk {
namespace {

namespace drivers = wire::drivers::proto;

constexpr Duration usage_interval_default = std::chrono::seconds(1);
constexpr Duration usage_interval_min = std::chrono::milliseconds(100);

template <class Message>
Result<Message> parse(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) return fail(Code::invalid, "the request cannot be parsed");
  return message;
}

template <class Message>
Duration duration_of(const Message& message) {
  return std::chrono::seconds(message.seconds()) + std::chrono::nanoseconds(message.nanos());
}

Result<int> signal_number(const std::string& name) {
  if (name.empty()) return 0;
  return parse_signal(name);
}

/// What a start or a recovery gives, off the loop.
struct Obtained {
  std::shared_ptr<Task> task;
  std::string checkpoint;
  std::optional<NetworkOverride> network;
};

Result<Obtained> start_on_pool(Driver& driver, Events& events, const TaskConfig& config) {
  DROVER_LET(const Value options, msgpack::decode(config.config_msgpack));
  DROVER_LET(std::shared_ptr<Task> task, driver.start_task(config, config_root(options), events));
  return Obtained{task, task->checkpoint(), task->network()};
}

Result<Obtained> recover_on_pool(Driver& driver, const TaskConfig& config, const SavedTask& saved) {
  DROVER_LET(const Value options, msgpack::decode(saved.config_msgpack));
  DROVER_LET(std::shared_ptr<Task> task, driver.recover_task(config, config_root(options), saved.checkpoint));
  return Obtained{task, {}, {}};
}

}  // namespace

DriverServer::Answer DriverServer::start_task(Bytes request) {
  DROVER_CO_LET(const auto message, parse<drivers::StartTaskRequest>(request));
  const TaskConfig config = from_wire(message.task());
  if (config.id.empty()) co_return fail(Code::invalid, "the task has no id");
  if (tasks_.contains(config.id)) co_return fail(Code::conflict, "task with ID \"{}\" already started", config.id);
  auto tracked = std::make_shared<TrackedTask>(loop_);
  tracked->config = config;
  tasks_.emplace(config.id, tracked);  // holds the place while the author's code runs

  const std::function<Result<Obtained>()> start = [this, config] { return start_on_pool(driver_, *this, config); };
  Result<Result<Obtained>> started = co_await run_on_pool<Result<Obtained>>(pool_, loop_, start);
  if (!started || !*started) {
    tasks_.erase(config.id);
    co_return started ? (*started).error() : started.error();
  }
  Obtained& obtained = **started;
  tracked->task = std::move(obtained.task);
  tracked->started_at = loop_.now();
  follow(tracked);

  const SavedTask saved{obtained.checkpoint, config.config_msgpack, tracked->started_at};
  drivers::StartTaskResponse response;
  auto& handle = *response.mutable_handle();
  handle.set_version(handle_version);
  *handle.mutable_config() = message.task();
  handle.set_state(drivers::RUNNING);
  handle.set_driver_state(encode(saved));
  if (obtained.network) to_wire(*obtained.network, *response.mutable_network_override());
  co_return response.SerializeAsString();
}

DriverServer::Answer DriverServer::recover_task(Bytes request) {
  DROVER_CO_LET(const auto message, parse<drivers::RecoverTaskRequest>(request));
  const auto& handle = message.handle();
  TaskConfig config = from_wire(handle.config());
  if (config.id.empty()) co_return fail(Code::invalid, "the handle names no task");
  if (tasks_.contains(config.id)) co_return Bytes();  // known already: nothing to do
  if (handle.version() != handle_version) {
    co_return fail(Code::invalid, "the handle is of version {}, this driver knows {}", handle.version(), handle_version);
  }
  DROVER_CO_LET(const SavedTask saved, decode_saved(handle.driver_state()));
  config.config_msgpack = saved.config_msgpack;
  auto tracked = std::make_shared<TrackedTask>(loop_);
  tracked->config = config;
  tasks_.emplace(config.id, tracked);

  const std::function<Result<Obtained>()> recover = [this, config, saved] {
    return recover_on_pool(driver_, config, saved);
  };
  Result<Result<Obtained>> recovered = co_await run_on_pool<Result<Obtained>>(pool_, loop_, recover);
  if (!recovered || !*recovered) {
    tasks_.erase(config.id);
    co_return recovered ? (*recovered).error() : recovered.error();
  }
  tracked->task = std::move((**recovered).task);
  tracked->started_at = saved.started_at;
  follow(tracked);
  co_return Bytes();
}

/// Learns of the end of a task: by its own word, or from a thread that waits for it.
void DriverServer::follow(const std::shared_ptr<TrackedTask>& tracked) {
  const std::function<void(const Exit&)> ended = [this, tracked](const Exit& exit) {
    loop_.post([this, tracked, exit] {
      if (tracked->exit) return;
      tracked->exit = exit;
      tracked->ended_at = loop_.now();
      tracked->changed.notify();
    });
  };
  if (tracked->task->on_exit(ended)) return;
  std::thread([task = tracked->task, ended] { ended(task->wait()); }).detach();
}

Async<Result<Exit>> DriverServer::exit_of(std::shared_ptr<TrackedTask> tracked) {
  while (!tracked->exit) {
    if (tracked->destroyed) co_return unknown_task();
    const bool woken = co_await tracked->changed.wait();
    if (!woken) co_return fail(Code::cancelled, "stopped waiting");
  }
  co_return *tracked->exit;
}

DriverServer::Answer DriverServer::wait_task(Bytes request) {
  DROVER_CO_LET(const auto message, parse<drivers::WaitTaskRequest>(request));
  DROVER_CO_LET(const auto tracked, find(message.task_id()));
  DROVER_CO_LET(const Exit exit, co_await exit_of(tracked));
  drivers::WaitTaskResponse response;
  to_wire(exit, *response.mutable_result());
  response.set_err(valid_utf8(exit.error));
  co_return response.SerializeAsString();
}

DriverServer::Answer DriverServer::stop_task(Bytes request) {
  DROVER_CO_LET(const auto message, parse<drivers::StopTaskRequest>(request));
  DROVER_CO_LET(const auto tracked, find(message.task_id()));
  DROVER_CO_LET(const int signal, signal_number(message.signal()));
  if (tracked->exit) co_return Bytes();

  const Duration grace = duration_of(message.timeout());
  const std::function<Result<void>()> stop = [task = tracked->task, signal, grace] { return task->stop(signal, grace); };
  const Result<Result<void>> stopped = co_await run_on_pool<Result<void>>(pool_, loop_, stop);
  DROVER_CO_TRY(stopped);
  if (!*stopped && !tracked->exit) co_return (*stopped).error();
  DROVER_CO_TRY(co_await exit_of(tracked));
  co_return Bytes();
}

DriverServer::Answer DriverServer::destroy_task(Bytes request) {
  DROVER_CO_LET(const auto message, parse<drivers::DestroyTaskRequest>(request));
  DROVER_CO_LET(const auto tracked, find(message.task_id()));
  if (!tracked->exit && !message.force()) co_return fail(Code::conflict, "cannot destroy running task");
  if (!tracked->exit) {
    const std::function<Result<void>()> kill = [task = tracked->task] { return task->stop(0, Duration::zero()); };
    const Result<Result<void>> killed = co_await run_on_pool<Result<void>>(pool_, loop_, kill);
    DROVER_CO_TRY(killed);
    if (!*killed && !tracked->exit) co_return (*killed).error();
  }
  // Two at once: the first one destroys, the second finds nothing.
  if (tasks_.erase(tracked->config.id) == 0) co_return unknown_task();
  tracked->destroyed = true;
  tracked->changed.notify();

  const std::function<Result<void>()> destroy = [task = tracked->task] { return task->destroy(); };
  const Result<Result<void>> destroyed = co_await run_on_pool<Result<void>>(pool_, loop_, destroy);
  DROVER_CO_TRY(destroyed);
  DROVER_CO_TRY(*destroyed);
  co_return Bytes();
}

DriverServer::Answer DriverServer::inspect_task(Bytes request) {
  DROVER_CO_LET(const auto message, parse<drivers::InspectTaskRequest>(request));
  DROVER_CO_LET(const auto tracked, find(message.task_id()));
  using Texts = std::map<std::string, std::string>;
  const std::function<Texts()> ask = [task = tracked->task] { return task->attributes(); };
  DROVER_CO_LET(const Texts attributes, co_await run_on_pool<Texts>(pool_, loop_, ask));

  drivers::InspectTaskResponse response;
  auto& status = *response.mutable_task();
  status.set_id(tracked->config.id);
  status.set_name(tracked->config.name);
  status.set_state(tracked->exit ? drivers::EXITED : drivers::RUNNING);
  to_wire(tracked->started_at, *status.mutable_started_at());
  to_wire(tracked->ended_at, *status.mutable_completed_at());
  to_wire(tracked->exit.value_or(Exit{}), *status.mutable_result());
  for (const auto& [key, value] : attributes) {
    (*response.mutable_driver()->mutable_attributes())[key] = valid_utf8(value);
  }
  co_return response.SerializeAsString();
}

DriverServer::Answer DriverServer::signal_task(Bytes request) {
  DROVER_CO_LET(const auto message, parse<drivers::SignalTaskRequest>(request));
  DROVER_CO_LET(const auto tracked, find(message.task_id()));
  auto* target = dynamic_cast<TakesSignals*>(tracked->task.get());
  if (target == nullptr) co_return fail(Code::unsupported, "SignalTask is not supported by this driver");
  DROVER_CO_LET(const int number, parse_signal(message.signal()));
  if (tracked->exit) co_return fail(Code::not_found, "the task has ended");

  const std::function<Result<void>()> send = [task = tracked->task, target, number] { return target->signal(number); };
  const Result<Result<void>> sent = co_await run_on_pool<Result<void>>(pool_, loop_, send);
  DROVER_CO_TRY(sent);
  DROVER_CO_TRY(*sent);
  co_return Bytes();
}

Async<void> DriverServer::task_stats(std::shared_ptr<rpc::ByteDuplex> stream) {
  const Result<Bytes> request = co_await stream->receive();
  if (!request) co_return;
  const auto message = parse<drivers::TaskStatsRequest>(*request);
  const auto tracked = message ? find(message->task_id()) : Result<std::shared_ptr<TrackedTask>>(message.error());
  if (!tracked) co_return stream->close(tracked.error().message);

  Duration interval = duration_of(message->collection_interval());
  if (interval <= Duration::zero()) interval = usage_interval_default;
  interval = std::max(interval, usage_interval_min);
  auto* source = dynamic_cast<HasUsage*>((*tracked)->task.get());
  const std::function<Result<TaskUsage>()> measure = [task = (*tracked)->task, source] { return source->usage(); };

  while (!(*tracked)->exit && !(*tracked)->destroyed) {
    if (source != nullptr) {
      Result<Result<TaskUsage>> usage = co_await run_on_pool<Result<TaskUsage>>(pool_, loop_, measure);
      if (usage && *usage) {
        (**usage).at = loop_.now();
        drivers::TaskStatsResponse response;
        to_wire(**usage, *response.mutable_stats());
        if (!stream->send(response.SerializeAsString())) co_return;
      }
    }
    const bool goes_on = co_await (*tracked)->changed.wait_for(interval);
    if (!goes_on) co_return;
  }
  stream->close("");
}

}  // namespace drover::sdk
