// Wrong lives of tasks.
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "conformance/broken/fault.h"

namespace drover::broken {
namespace task_part {

namespace fs = std::filesystem;

Fault started(std::function<void(pb::TaskHandle&)> change) {
  return changes<pb::StartTaskResponse>("StartTask", [change = std::move(change)](auto& message) { change(*message.mutable_handle()); });
}

Fault waited(std::function<void(pb::WaitTaskResponse&)> change) { return changes<pb::WaitTaskResponse>("WaitTask", std::move(change)); }

Fault exit_code(int from, int to) {
  return waited([from, to](auto& message) {
    if (message.result().exit_code() == from) message.mutable_result()->set_exit_code(to);
  });
}

Fault inspected(std::function<void(pb::TaskStatus&)> change) {
  return changes<pb::InspectTaskResponse>("InspectTask", [change = std::move(change)](auto& message) { change(*message.mutable_task()); });
}

Fault measured(std::function<void(pb::TaskStats&)> change) {
  return changes<pb::TaskStatsResponse>("TaskStats", [change = std::move(change)](auto& message) { change(*message.mutable_stats()); });
}

Fault task_gets(std::function<void(pb::TaskConfig&)> change) {
  return asks<pb::StartTaskRequest>("StartTask", [change = std::move(change)](auto& message) { change(*message.mutable_task()); });
}

Fault stop_gets(std::function<void(pb::StopTaskRequest&)> change) { return asks<pb::StopTaskRequest>("StopTask", std::move(change)); }

Fault destroy_gets(std::function<void(pb::DestroyTaskRequest&)> change) { return asks<pb::DestroyTaskRequest>("DestroyTask", std::move(change)); }

Fault dies_without(std::function<bool(const pb::TaskConfig&)> lacks) {
  return dies_at("StartTask", [lacks = std::move(lacks)](const std::string& bytes) {
    pb::StartTaskRequest request;
    return request.ParseFromString(bytes) && lacks(request.task());
  });
}

Fault refuses(const std::string& text, std::function<bool(const pb::TaskConfig&)> which) {
  Fault fault;
  fault.instead = [text, which = std::move(which)](const std::string& method, const std::string& bytes, rpc::Call& call) {
    pb::StartTaskRequest request;
    if (method != "StartTask" || !request.ParseFromString(bytes) || !which(request.task())) return false;
    call.close(rpc::Status{rpc::StatusCode::unknown, text, {}});
    return true;
  };
  return fault;
}

Fault start_error(rpc::StatusCode code, const std::string& text, const std::string& details = {}) {
  Fault fault;
  fault.status = [code, text, details](const std::string& method, rpc::Status& status, int) {
    if (method == "StartTask" && !status.ok()) status = rpc::Status{code, text, details};
    return false;
  };
  return fault;
}

/// The second call of the method in this process is refused.
Fault only_first(const std::string& method) {
  Fault fault;
  fault.instead = [method](const std::string& called, const std::string&, rpc::Call& call) {
    static std::atomic<int> calls = 0;
    if (called != method || ++calls == 1) return false;
    call.close(rpc::Status{rpc::StatusCode::unknown, "once is enough", {}});
    return true;
  };
  return fault;
}

/// After the first call of `method`, tasks are said to have ended.
Fault loses_tasks_after(const std::string& method) {
  static std::atomic<bool> lost = false;
  Fault fault;
  fault.request = [method](const std::string& called, std::string&) {
    static std::atomic<int> calls = 0;
    if (called != method) return;
    if (method != "StartTask" || ++calls > 1) lost = true;
  };
  fault.response = [](const std::string& called, std::string& bytes) {
    pb::InspectTaskResponse message;
    if (called != "InspectTask" || !lost || !message.ParseFromString(bytes)) return true;
    message.mutable_task()->set_state(pb::EXITED);
    bytes = message.SerializeAsString();
    return true;
  };
  return fault;
}

Fault swallows(const std::string& method) {
  Fault fault;
  fault.response = [method](const std::string& called, std::string&) { return called != method; };
  fault.status = [method](const std::string& called, rpc::Status& status, int) {
    if (called == method) status = rpc::Status{rpc::StatusCode::unknown, "lost", {}};
    return false;
  };
  return fault;
}

Fault waits_before(const std::string& method, int milliseconds) {
  Fault fault;
  fault.request = [method, milliseconds](const std::string& called, std::string&) {
    if (called == method) ::usleep(static_cast<useconds_t>(milliseconds) * 1000);
  };
  return fault;
}

Fault env_loses(const std::string& name) {
  return task_gets([name](auto& task) { task.mutable_env()->erase(name); });
}

}  // namespace task_part

void add_task_faults(Faults& faults) {
  using namespace task_part;
  faults["start.ok"] = fails("StartTask");
  faults["start.handle"] = started([](auto& handle) { handle.clear_config(); });
  faults["start.handle-version"] = started([](auto& handle) { handle.set_version(0); });
  faults["start.handle-state"] = started([](auto& handle) { handle.set_state(pb::EXITED); });
  faults["start.handle-echo"] = started([](auto& handle) { handle.mutable_config()->mutable_device_env()->clear(); });
  faults["start.handle-driver-state"] = started([](auto& handle) { handle.clear_driver_state(); });
  faults["start.running"] = inspected([](auto& task) { task.set_state(pb::UNKNOWN); });
  faults["start.twice"] = succeeds_wrongly("StartTask");
  faults["start.twice-unharmed"] = loses_tasks_after("StartTask");
  faults["start.long-name"] = refuses("the name is too long", [](const auto& task) { return task.name().size() > 50; });
  faults["start.same-name"] = only_first("StartTask");
  faults["start.many"] = only_first("StartTask");
  faults["start.again"] = only_first("StartTask");
  faults["start.no-id"] = succeeds_wrongly("StartTask");
  faults["start.garbage-config"] = succeeds_wrongly("StartTask");
  faults["start.no-config"] = dies_without([](const auto& task) { return task.msgpack_driver_config().empty(); });
  faults["start.no-resources"] = dies_without([](const auto& task) { return !task.has_resources(); });
  faults["start.no-folder"] = dies_without([](const auto& task) { return task.alloc_dir().starts_with("/nonexistent"); });
  faults["start.no-output"] = dies_without([](const auto& task) { return task.stdout_path().starts_with("/nonexistent"); });
  faults["start.invalid"] = succeeds_wrongly("StartTask");
  faults["start.invalid-forgets"] = refuses("task already started", [](const auto&) { return true; });
  faults["start.missing"] = succeeds_wrongly("StartTask");
  faults["start.missing-forgets"] = refuses("task already started", [](const auto&) { return true; });
  faults["start.error-text"] = start_error(rpc::StatusCode::unknown, "");
  faults["start.error-code"] = start_error(rpc::StatusCode::unavailable, "no such program");
  faults["start.error-details"] = start_error(rpc::StatusCode::failed_precondition, "no such program", std::string("\x08\x02\x12\x05other", 9));

  faults["wait.exit-0"] = exit_code(0, 1);
  faults["wait.exit-3"] = exit_code(3, 1);
  faults["wait.exit-255"] = exit_code(255, -1);
  faults["wait.signal-9"] = waited([](auto& message) { message.mutable_result()->set_signal(0); });
  faults["wait.signal-15"] = exit_code(143, 15);
  faults["wait.blocks"] = forgets_requests("WaitTask");
  faults["wait.after-end"] = only_first("WaitTask");
  faults["wait.several"] = only_first("WaitTask");
  faults["wait.many"] = only_first("WaitTask");
  faults["wait.cancel"] = loses_tasks_after("WaitTask");
  faults["wait.others-go-on"].instead = [](const std::string& method, const std::string&, rpc::Call&) {
    static std::atomic<bool> waiting = false;
    waiting = waiting || method == "WaitTask";
    return waiting && method == "TaskConfigSchema";
  };
  faults["wait.own-end"] = exit_code(4, 3);
  faults["wait.child-stays"] = exit_code(6, 0);

  faults["stop.ends"] = forgets_requests("StopTask");
  faults["stop.no-success"] = waited([](auto& message) { message.mutable_result()->Clear(); });
  faults["stop.waiters"] = swallows("WaitTask");
  faults["stop.ended"] = fails("StopTask");
  faults["stop.twice"] = only_first("StopTask");
  faults["stop.no-timeout"] = dies_at("StopTask", [](const std::string& bytes) {
    pb::StopTaskRequest request;
    return request.ParseFromString(bytes) && !request.has_timeout();
  });
  faults["stop.graceful"] = stop_gets([](auto& request) { request.mutable_timeout()->Clear(); });
  faults["stop.prompt"] = waits_before("StopTask", 4000);
  faults["stop.deaf"] = stop_gets([](auto& request) { request.mutable_timeout()->Clear(); });
  faults["stop.zero"] = stop_gets([](auto& request) { request.mutable_timeout()->set_seconds(5); });
  faults["stop.signal"] = stop_gets([](auto& request) { request.set_signal("SIGTERM"); });
  faults["stop.unknown-signal"] = dies_at("StopTask", [](const std::string& bytes) { return bytes.find("SIGNONSENSE") != std::string::npos; });
  faults["stop.children"].instead = [](const std::string& method, const std::string&, rpc::Call& call) {
    if (method != "StopTask" && method != "DestroyTask") return false;  // either of them ends the children
    static_cast<void>(call.send(""));
    call.close();
    return true;
  };
  faults["signal.usr1"] = forgets_requests("SignalTask");
  faults["signal.hup"] = forgets_requests("SignalTask");
  faults["signal.unknown"] = loses_tasks_after("SignalTask");
  faults["signal.ended"] = succeeds_wrongly("SignalTask");
  faults["destroy.running"] = forgets_requests("DestroyTask");
  faults["destroy.running-unharmed"] = destroy_gets([](auto& request) { request.set_force(true); });
  faults["destroy.force"] = destroy_gets([](auto& request) { request.set_force(false); });
  faults["destroy.forgets"] = forgets_requests("DestroyTask");
  faults["destroy.twice"].instead = [](const std::string& method, const std::string&, rpc::Call&) {
    static std::atomic<int> calls = 0;
    return method == "DestroyTask" && ++calls > 1;
  };
  faults["destroy.children"] = forgets_requests("DestroyTask");
  faults["destroy.cgroups"].request = [](const std::string& method, std::string& bytes) {
    pb::StartTaskRequest start;
    if (method != "StartTask" || !start.ParseFromString(bytes)) return;
    std::error_code ignored;
    for (const char* controller : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup/freezer", "/sys/fs/cgroup"}) {
      if (!fs::exists(controller)) continue;
      fs::create_directory(std::string(controller) + "/broken-" + start.task().alloc_id(), ignored);
      if (!ignored) return;
    }
  };
  faults["destroy.mounts"].request = [](const std::string& method, std::string& bytes) {
    pb::StartTaskRequest start;
    if (method != "StartTask" || !start.ParseFromString(bytes)) return;
    static_cast<void>(std::system(("mount -t tmpfs none " + start.task().alloc_dir() + "/" + start.task().name() + "/private").c_str()));
  };

  faults["inspect.running"] = inspected([](auto& task) { task.set_state(pb::UNKNOWN); });
  faults["inspect.identity"] = inspected([](auto& task) { task.clear_name(); });
  faults["inspect.started"] = inspected([](auto& task) { task.clear_started_at(); });
  faults["inspect.completed"] = inspected([](auto& task) { task.clear_completed_at(); });
  faults["inspect.result"] = inspected([](auto& task) { task.clear_result(); });
  faults["inspect.exited"] = inspected([](auto& task) { task.set_state(pb::RUNNING); });
  faults["inspect.exit-code"] = inspected([](auto& task) { task.mutable_result()->set_exit_code(0); });
  faults["inspect.completed-after"] = inspected([](auto& task) { task.mutable_completed_at()->set_seconds(5); });
  faults["inspect.harmless"] = loses_tasks_after("InspectTask");
  faults["stats.open-or-measured"] = ends_at_once("TaskStats");
  faults["stats.total"] = measured([](auto& stats) { stats.clear_agg_resource_usage(); });
  faults["stats.set"] = changes<pb::TaskStatsResponse>("TaskStats", [](auto& message) { message.clear_stats(); });
  faults["stats.time"] = measured([](auto& stats) { stats.clear_timestamp(); });
  faults["stats.interval"] = asks<pb::TaskStatsRequest>("TaskStats", [](auto& request) { request.mutable_collection_interval()->set_seconds(2); });
  faults["stats.ends"] = stays_open("TaskStats");
  faults["stats.ended-task"] = stays_open("TaskStats");
  faults["stats.two"] = only_first("TaskStats");
  faults["stats.no-interval"] = dies_at("TaskStats", [](const std::string& bytes) {
    pb::TaskStatsRequest request;
    return request.ParseFromString(bytes) && !request.has_collection_interval();
  });
  faults["stats.memory"] = measured([](auto& stats) { stats.mutable_agg_resource_usage()->clear_memory(); });
  faults["stats.cpu"] = measured([](auto& stats) { stats.mutable_agg_resource_usage()->clear_cpu(); });
  faults["stats.no-leak"] = leaks("TaskStats");
  faults["cycles.no-leak"] = leaks("StartTask");

  faults["output.standard"] = task_gets([](auto& task) { task.set_stdout_path("/dev/null"); });
  faults["output.error"] = task_gets([](auto& task) { task.set_stderr_path(task.stdout_path()); });
  faults["output.binary"] = task_gets([](auto& task) { task.set_stdout_path("/dev/null"); });
  faults["output.no-newline"] = task_gets([](auto& task) { task.set_stdout_path("/dev/null"); });
  faults["output.burst"] = task_gets([](auto& task) { task.set_stdout_path("/dev/null"); });
  faults["output.short-task"] = task_gets([](auto& task) { task.set_stdout_path("/dev/null"); });
  faults["output.at-once"] = task_gets([](auto& task) { task.set_stdout_path("/dev/null"); });
  faults["output.not-closed"] = task_gets([](auto& task) { task.set_stdout_path("/dev/null"); });
  // It keeps the FIFO open itself, for ever.
  faults["output.closed"].request = [](const std::string& method, std::string& bytes) {
    pb::StartTaskRequest start;
    if (method != "StartTask" || !start.ParseFromString(bytes)) return;
    static std::ofstream held;
    held.open(start.task().stdout_path());
  };
  faults["output.null"] = refuses("no such file", [](const auto& task) { return task.stdout_path() == "/dev/null"; });
  faults["output.slow-reader"] = hangs("StopTask");
  faults["output.same-pipes"] = only_first("StartTask");
  faults["environment.seen"] = env_loses("GREETING");
  faults["environment.empty"] = env_loses("EMPTY");
  faults["environment.odd"] = env_loses("ODD");
  faults["environment.large"] = env_loses("LARGE");
  faults["environment.no-cookie"] = task_gets([](auto& task) { (*task.mutable_env())["PLUGIN_MIN_PORT"] = "10000"; });
  for (const char* name : {"ALLOC_DIR", "TASK_DIR", "SECRETS_DIR"}) {
    const std::string id = std::string("folders.") + (std::string(name) == "ALLOC_DIR" ? "alloc" : std::string(name) == "TASK_DIR" ? "local" : "secrets");
    faults[id] = task_gets([variable = std::string("NOMAD_") + name](auto& task) { (*task.mutable_env())[variable] = "/proc/nonexistent"; });
  }
  faults["task.no-descriptors"] = task_gets([](auto& task) { task.set_stdout_path("/dev/null"); });
  faults["task.no-input"] = task_gets([](auto& task) { task.set_stdout_path("/dev/null"); });
  faults["task.signals-default"] = task_gets([](auto& task) { task.set_stdout_path("/dev/null"); });
  faults["task.user"] = task_gets([](auto& task) { task.clear_user(); });
  faults["task.unknown-user"] = task_gets([](auto& task) { task.clear_user(); });
  faults["task.memory"] = task_gets([](auto& task) {
    task.mutable_resources()->mutable_linux_resources()->set_memory_limit_bytes(1LL << 30);
    task.mutable_resources()->mutable_allocated_resources()->mutable_memory()->set_memory_mb(1024);
  });
}

}  // namespace drover::broken
