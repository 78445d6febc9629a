#include "conformance/broken/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

namespace drover::broken {

Faults all_faults() {
  Faults faults;
  add_process_faults(faults);
  add_answer_faults(faults);
  add_task_faults(faults);
  add_exec_faults(faults);
  add_recovery_faults(faults);
  add_hostile_faults(faults);
  return faults;
}

Fault succeeds_wrongly(const std::string& method) {
  Fault fault;
  fault.status = [method](const std::string& called, rpc::Status& status, int sent) {
    if (called != method || status.ok()) return false;
    status = rpc::Status{};
    return sent == 0;
  };
  return fault;
}

Fault fails(const std::string& method, rpc::StatusCode code, const std::string& text) {
  Fault fault;
  fault.instead = [method, code, text](const std::string& called, const std::string&, rpc::Call& call) {
    if (called != method) return false;
    call.close(rpc::Status{code, text, {}});
    return true;
  };
  return fault;
}

Fault hangs(const std::string& method) {
  Fault fault;
  fault.instead = [method](const std::string& called, const std::string&, rpc::Call&) { return called == method; };
  // Streams are served from the moment they are opened, without a look at their request.
  fault.response = [method](const std::string& called, std::string&) { return called != method; };
  return fault;
}

Fault ends_at_once(const std::string& method) {
  Fault fault;
  fault.instead = [method](const std::string& called, const std::string&, rpc::Call& call) {
    if (called != method) return false;
    call.close();
    return true;
  };
  return fault;
}

Fault stays_open(const std::string& method) { return hangs(method); }

Fault dies(const std::string& method) {
  return dies_at(method, [](const std::string&) { return true; });
}

Fault dies_at(const std::string& method, std::function<bool(const std::string& bytes)> which) {
  Fault fault;
  fault.request = [method, which = std::move(which)](const std::string& called, std::string& bytes) {
    if (called == method && which(bytes)) _exit(3);
  };
  return fault;
}

Fault says(const std::string& method, const std::string& text) {
  Fault fault;
  fault.status = [method, text](const std::string& called, rpc::Status& status, int) {
    if (called == method && !status.ok()) status = rpc::Status{rpc::StatusCode::unknown, text, {}};
    return false;
  };
  return fault;
}

Fault leaks(const std::string& method) {
  Fault fault;
  fault.request = [method](const std::string& called, std::string&) {
    if (called == method) static_cast<void>(!::open("/dev/null", O_RDONLY | O_CLOEXEC));
  };
  return fault;
}

Fault dies_when_told(const std::string& folder) {
  const auto is_told = [folder](const std::string& method, const char* moment) {
    const std::string order = folder + "/" + method + moment;
    if (std::rename(order.c_str(), (order + ".taken").c_str()) != 0) return false;
    std::ofstream(order + ".died") << ::getpid() << "\n";
    return true;
  };
  Fault fault;
  fault.request = [is_told](const std::string& method, std::string&) {
    if (is_told(method, ".before")) ::kill(::getpid(), SIGKILL);
  };
  fault.response = [is_told](const std::string& method, std::string&) {
    if (is_told(method, ".done")) ::kill(::getpid(), SIGKILL);
    return true;
  };
  fault.status = [is_told](const std::string& method, rpc::Status&, int) {
    if (!is_told(method, ".answered")) return false;
    std::thread([] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // for the answer to leave
      ::kill(::getpid(), SIGKILL);
    }).detach();
    return false;
  };
  return fault;
}

Fault forgets_requests(const std::string& method) {
  Fault fault;
  fault.instead = [method](const std::string& called, const std::string&, rpc::Call& call) {
    if (called != method) return false;
    static_cast<void>(call.send(""));
    call.close();
    return true;
  };
  return fault;
}

}  // namespace drover::broken
