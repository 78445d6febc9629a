// Wrong words about itself.
#include <unistd.h>

#include <atomic>

#include "conformance/broken/fault.h"

namespace drover::broken {
namespace answer_part {

/// A number that is another one at each call.
int counter() {
  static std::atomic<int> number = 0;
  return ++number;
}

Fault fingerprint(std::function<void(pb::FingerprintResponse&)> change) { return changes<pb::FingerprintResponse>("Fingerprint", std::move(change)); }

Fault info(std::function<void(base_pb::PluginInfoResponse&)> change) { return changes<base_pb::PluginInfoResponse>("PluginInfo", std::move(change)); }

/// Serves the first stream of the method only.
Fault only_one(const std::string& method) {
  Fault fault;
  fault.instead = [method](const std::string& called, const std::string&, rpc::Call& call) {
    static std::atomic<int> streams = 0;
    if (called != method || ++streams == 1) return false;
    call.close(rpc::Status{rpc::StatusCode::unknown, "one stream is enough", {}});
    return true;
  };
  return fault;
}

/// Only the first call of the method goes well.
Fault only_once(const std::string& method) { return only_one(method); }

bool holds(const std::string& bytes, const std::string& text) { return bytes.find(text) != std::string::npos; }

/// Answers every error of SetConfig with success, if the request holds the bytes.
Fault takes_wrong_config(const std::string& bytes) {
  Fault fault;
  fault.instead = [bytes](const std::string& called, const std::string& request, rpc::Call& call) {
    if (called != "SetConfig" || !holds(request, bytes)) return false;
    static_cast<void>(call.send(""));
    call.close();
    return true;
  };
  return fault;
}

Fault refuses_config(std::function<bool(const base_pb::SetConfigRequest&)> which) {
  Fault fault;
  fault.instead = [which = std::move(which)](const std::string& called, const std::string& bytes, rpc::Call& call) {
    base_pb::SetConfigRequest request;
    if (called != "SetConfig" || !request.ParseFromString(bytes) || !which(request)) return false;
    call.close(rpc::Status{rpc::StatusCode::unknown, "no", {}});
    return true;
  };
  return fault;
}

}  // namespace answer_part

void add_answer_faults(Faults& faults) {
  using namespace answer_part;
  faults["info.answers"] = fails("PluginInfo");
  faults["info.type"] = info([](auto& message) { message.set_type(base_pb::DEVICE); });
  faults["info.api-version"] = info([](auto& message) { message.clear_plugin_api_versions(); });
  faults["info.version"] = info([](auto& message) { message.set_plugin_version("newest"); });
  faults["info.name"] = info([](auto& message) { message.set_name("my driver"); });
  faults["info.constant"] = info([](auto& message) { message.set_plugin_version("1.0." + std::to_string(counter())); });
  faults["config-schema.answers"] = fails("ConfigSchema");
  faults["config-schema.converts"] = changes<base_pb::ConfigSchemaResponse>("ConfigSchema", [](auto& message) {
    (*message.mutable_spec()->mutable_object()->mutable_attributes())["broken"].mutable_attr()->set_type("no type");
  });
  faults["config-schema.constant"] = changes<base_pb::ConfigSchemaResponse>("ConfigSchema", [](auto& message) {
    (*message.mutable_spec()->mutable_object()->mutable_attributes())["x" + std::to_string(counter())].mutable_attr()->set_type("string");
  });
  faults["set-config.defaults"] = refuses_config([](const auto& request) { return !request.has_nomad_config(); });
  faults["set-config.fixture"] = fails("SetConfig");
  faults["set-config.again"] = only_once("SetConfig");
  faults["set-config.empty"] = dies_at("SetConfig", [](const std::string& bytes) {
    base_pb::SetConfigRequest request;
    return request.ParseFromString(bytes) && request.msgpack_config().empty();
  });
  faults["set-config.no-topology"] = dies_at("SetConfig", [](const std::string& bytes) {
    base_pb::SetConfigRequest request;
    return request.ParseFromString(bytes) && !request.has_nomad_config();
  });
  faults["set-config.garbage"] = takes_wrong_config("\xc1\xc1\xc1");
  faults["set-config.no-map"] = takes_wrong_config("\x92\x01\x02");
  faults["set-config.wrong-type"] = takes_wrong_config("wrong");
  faults["set-config.names-option"] = says("SetConfig", "no");
  faults["set-config.nulls"] = dies_at("SetConfig", [](const std::string& bytes) { return holds(bytes, "enabled\xc0"); });
  faults["set-config.unknown-option"] = dies_at("SetConfig", [](const std::string& bytes) { return holds(bytes, "no_such_option"); });

  faults["task-schema.set"] = changes<pb::TaskConfigSchemaResponse>("TaskConfigSchema", [](auto& message) { message.clear_spec(); });
  faults["task-schema.converts"] = changes<pb::TaskConfigSchemaResponse>("TaskConfigSchema", [](auto& message) {
    (*message.mutable_spec()->mutable_object()->mutable_attributes())["broken"].mutable_attr()->set_type("no type");
  });
  faults["task-schema.constant"] = changes<pb::TaskConfigSchemaResponse>("TaskConfigSchema", [](auto& message) {
    (*message.mutable_spec()->mutable_object()->mutable_attributes())["x" + std::to_string(counter())].mutable_attr()->set_type("string");
  });
  faults["capabilities.set"] = changes<pb::CapabilitiesResponse>("Capabilities", [](auto& message) { message.clear_capabilities(); });
  faults["capabilities.constant"] = changes<pb::CapabilitiesResponse>("Capabilities", [](auto& message) { message.mutable_capabilities()->set_exec(counter() % 2 == 0); });
  faults["init.answers"] = fails("Init");
  faults["init.again"] = only_once("Init");
  faults["driver-shutdown.answers"] = dies("Shutdown");
  faults["fingerprint.first"] = hangs("Fingerprint");
  faults["fingerprint.no-error"] = fingerprint([](auto& message) { message.set_err("no runtime"); });
  faults["fingerprint.described"] = fingerprint([](auto& message) { message.clear_health_description(); });
  faults["fingerprint.attributes"] = fingerprint([](auto& message) { (*message.mutable_attributes())["version"].set_string_val("1"); });
  faults["fingerprint.healthy"] = fingerprint([](auto& message) { message.set_health(pb::FingerprintResponse::UNDETECTED); });
  faults["fingerprint.stays-open"] = ends_at_once("Fingerprint");
  faults["fingerprint.two"] = only_one("Fingerprint");
  faults["fingerprint.no-leak"] = leaks("Fingerprint");
  faults["events.stays-open"] = ends_at_once("TaskEvents");
  faults["events.two"] = only_one("TaskEvents");
  faults["events.no-leak"] = leaks("TaskEvents");
  for (const char* method : {"WaitTask", "InspectTask", "DestroyTask", "SignalTask", "ExecTask", "ExecTaskStreaming"}) {
    faults[std::string("unknown-task.") + method] = succeeds_wrongly(method);
  }
  faults["unknown-task.StopTask"].request = [](const std::string& method, std::string&) {
    if (method == "StopTask") ::usleep(4'000'000);
  };
  faults["unknown-task.TaskStats"] = hangs("TaskStats");
  faults["unknown-task.text"] = says("WaitTask", "who?");
}

}  // namespace drover::broken
