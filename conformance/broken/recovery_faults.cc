// Wrong recoveries, wrong networks.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "conformance/broken/fault.h"

namespace drover::broken {
namespace recovery_part {

namespace fs = std::filesystem;

/// Only of tasks that were recovered: nothing else happened to this process before.
Fault after_recovery(const std::string& method, Fault then) {
  static std::atomic<bool> recovered = false;
  Fault fault;
  fault.request = [](const std::string& called, std::string&) {
    if (called == "RecoverTask") recovered = true;
  };
  fault.instead = [method, then](const std::string& called, const std::string& bytes, rpc::Call& call) {
    return recovered && called == method && then.instead && then.instead(called, bytes, call);
  };
  fault.response = [method, then](const std::string& called, std::string& bytes) {
    return !recovered || called != method || !then.response || then.response(called, bytes);
  };
  return fault;
}

Fault recovers(std::function<void(pb::RecoverTaskRequest&)> change) { return asks<pb::RecoverTaskRequest>("RecoverTask", std::move(change)); }

Fault refuses_recovery(std::function<bool(const pb::RecoverTaskRequest&)> which) {
  Fault fault;
  fault.instead = [which = std::move(which)](const std::string& method, const std::string& bytes, rpc::Call& call) {
    pb::RecoverTaskRequest request;
    if (method != "RecoverTask" || !request.ParseFromString(bytes) || !which(request)) return false;
    call.close(rpc::Status{rpc::StatusCode::unknown, "cannot recover this", {}});
    return true;
  };
  return fault;
}

Fault waited(int from, int to) {
  return changes<pb::WaitTaskResponse>("WaitTask", [from, to](auto& message) {
    if (message.result().exit_code() != from) return;
    message.mutable_result()->set_exit_code(to);
    message.clear_err();
  });
}

/// Every process that has the text in its environment.
void kill_all_with(const std::string& text) {
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const int pid = std::atoi(entry->path().filename().c_str());
    std::ifstream file(entry->path() / "environ");
    const std::string environment{std::istreambuf_iterator<char>(file), {}};
    if (pid > 0 && environment.find(text) != std::string::npos) ::kill(pid, SIGKILL);
  }
}

/// Kills everything of the task's folder when it is asked to recover it.
Fault disturbs_the_task() {
  Fault fault;
  fault.request = [](const std::string& method, std::string& bytes) {
    pb::RecoverTaskRequest request;
    if (method != "RecoverTask" || !request.ParseFromString(bytes)) return;
    kill_all_with("NOMAD_ALLOC_DIR=" + request.handle().config().alloc_dir() + "/");
  };
  return fault;
}

Fault networks_made(std::function<void(pb::CreateNetworkResponse&)> change) { return changes<pb::CreateNetworkResponse>("CreateNetwork", std::move(change)); }

}  // namespace recovery_part

void add_recovery_faults(Faults& faults) {
  using namespace recovery_part;
  faults["recover.ok"] = fails("RecoverTask");
  faults["recover.runs"] = after_recovery("InspectTask", changes<pb::InspectTaskResponse>("InspectTask", [](auto& message) { message.mutable_task()->set_state(pb::EXITED); }));
  faults["recover.same-process"] = disturbs_the_task();
  faults["recover.output"] = asks<pb::StartTaskRequest>("StartTask", [](auto& message) { message.mutable_task()->set_stdout_path("/dev/null"); });
  faults["recover.wait"] = after_recovery("WaitTask", forgets_requests("WaitTask"));
  faults["recover.exit-code"] = waited(23, 0);
  faults["recover.stop"] = after_recovery("StopTask", fails("StopTask"));
  faults["recover.destroy"] = after_recovery("DestroyTask", fails("DestroyTask"));
  faults["recover.stats"] = after_recovery("TaskStats", ends_at_once("TaskStats"));
  faults["recover.signal"] = after_recovery("SignalTask", forgets_requests("SignalTask"));
  faults["recover.exec"] = after_recovery("ExecTask", fails("ExecTask"));
  faults["recover.started-at"] = after_recovery("InspectTask", changes<pb::InspectTaskResponse>("InspectTask", [](auto& message) {
    message.mutable_task()->mutable_started_at()->set_seconds(message.task().started_at().seconds() + 100);
  }));
  faults["recover.no-config"] = refuses_recovery([](const auto& request) { return request.handle().config().msgpack_driver_config().empty(); });
  faults["recover.task-id"] = refuses_recovery([](const auto& request) { return !request.task_id().empty(); });
  faults["recover.known"] = fails("RecoverTask");
  faults["recover.ended-0"] = waited(0, 7);
  faults["recover.ended-7"] = waited(7, 0);
  for (const char* id : {"recover.garbage", "recover.no-state", "recover.no-handle", "recover.destroyed"}) faults[id] = succeeds_wrongly("RecoverTask");
  faults["recover.version"] = recovers([](auto& request) { request.mutable_handle()->set_version(1); });
  faults["recover.graceful"] = disturbs_the_task();
  // A child of the driver that keeps its output open.
  faults["recover.frees-output"].request = [](const std::string& method, std::string&) {
    if (method == "StartTask") static_cast<void>(std::system("setsid sleep 5 </dev/null &"));
  };
  faults["recover.start-again"] = fails("StartTask");
  for (const char* method : {"Fingerprint", "TaskEvents", "WaitTask", "TaskStats", "InspectTask", "SignalTask", "SetConfig", "RecoverTask"}) {
    faults[std::string("killed-during.") + method] = refuses_recovery([](const auto&) { return true; });
  }

  faults["network.create"] = networks_made([](auto& message) { message.set_created(false); });
  faults["network.again"] = networks_made([](auto& message) { message.set_created(true); });
  faults["network.after-restart"] = networks_made([](auto& message) { message.mutable_isolation_spec()->set_path(message.isolation_spec().path() + std::to_string(::getpid())); });
  faults["network.two"] = networks_made([](auto& message) { message.mutable_isolation_spec()->set_path("/run/netns/one"); });
  faults["network.hostname"].instead = [](const std::string& method, const std::string& bytes, rpc::Call& call) {
    if (method != "CreateNetwork" || bytes.find("web-1") == std::string::npos) return false;
    call.close(rpc::Status{rpc::StatusCode::unknown, "no hostnames", {}});
    return true;
  };
  faults["network.destroy"] = forgets_requests("DestroyNetwork");
  faults["network.destroy-twice"].instead = [](const std::string& method, const std::string&, rpc::Call& call) {
    static std::atomic<int> calls = 0;
    if (method != "DestroyNetwork" || ++calls == 1) return false;
    call.close(rpc::Status{rpc::StatusCode::unknown, "no such network", {}});
    return true;
  };
  faults["network.destroy-unknown"] = fails("DestroyNetwork");
}

}  // namespace drover::broken
