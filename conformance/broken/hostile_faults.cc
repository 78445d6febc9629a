// What does not survive bad callers.
#include <unistd.h>

#include <atomic>

#include "conformance/broken/fault.h"

namespace drover::broken {
namespace hostile_part {

const char* const methods[] = {"SetConfig", "RecoverTask", "StartTask", "WaitTask", "StopTask", "DestroyTask", "InspectTask", "SignalTask", "ExecTask", "TaskStats", "ExecTaskStreaming"};

}  // namespace hostile_part

void add_hostile_faults(Faults& faults) {
  using namespace hostile_part;
  for (const std::string method : methods) {
    faults["hostile.garbage." + method] = dies_at(method, [](const std::string& bytes) { return bytes == "\xff\xff\xff\xff"; });
    faults["hostile.empty." + method] = dies_at(method, [](const std::string& bytes) { return bytes.empty(); });
    faults["hostile.utf8." + method] = dies_at(method, [](const std::string& bytes) { return bytes == std::string("\x0a\x02\xff\xfe", 4); });
  }
  faults["hostile.unknown-fields"].instead = [](const std::string& method, const std::string& bytes, rpc::Call& call) {
    if (method != "TaskConfigSchema" || bytes.empty()) return false;
    call.close(rpc::Status{rpc::StatusCode::unknown, "what is this", {}});
    return true;
  };
  faults["hostile.start-unknown-fields"].instead = [](const std::string& method, const std::string& bytes, rpc::Call& call) {
    if (method != "StartTask" || !bytes.ends_with("\x01x")) return false;
    call.close(rpc::Status{rpc::StatusCode::unknown, "what is this", {}});
    return true;
  };
  faults["hostile.large"] = dies_at("StartTask", [](const std::string& bytes) { return bytes.size() > (1 << 20); });
  faults["hostile.cancelled"].opened = [](const std::string& method, rpc::Call&) {
    static std::atomic<int> calls = 0;
    if (method == "ExecTaskStreaming" && ++calls == 5) _exit(3);
  };
  faults["hostile.flood"].instead = [](const std::string& method, const std::string&, rpc::Call& call) {
    static std::atomic<int> calls = 0;
    if (method != "Capabilities" || ++calls < 100) return false;
    call.close(rpc::Status{rpc::StatusCode::resource_exhausted, "too many", {}});
    return true;
  };
  faults["hostile.long-id"] = dies_at("InspectTask", [](const std::string& bytes) { return bytes.size() > 50'000; });
  faults["hostile.path-id"] = dies_at("StartTask", [](const std::string& bytes) { return bytes.find("/../") != std::string::npos; });
}

}  // namespace drover::broken
