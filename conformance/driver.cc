#include "conformance/driver.h"

#include <google/protobuf/util/message_differencer.h>

#include "sdk/host/handshake_line.h"

namespace drover::conformance {
namespace {

const std::string driver_prefix = "/hashicorp.nomad.plugins.drivers.proto.Driver/";
const std::string base_prefix = "/hashicorp.nomad.plugins.base.proto.BasePlugin/";

std::string path_of(const std::string& method) { return method.starts_with('/') ? method : driver_prefix + method; }

void set(google::protobuf::Duration& message, Duration value) {
  message.set_seconds(value / std::chrono::seconds(1));
  message.set_nanos(static_cast<std::int32_t>((value % std::chrono::seconds(1)).count()));
}

}  // namespace

std::string shown(const rpc::Status& status) {
  if (status.ok()) return "OK";
  return "code " + std::to_string(static_cast<int>(status.code)) + ": " + status.message;
}

// Not the bytes: maps are written in another order each time.
bool is_same(const google::protobuf::Message& one, const google::protobuf::Message& other) {
  return google::protobuf::util::MessageDifferencer::Equals(one, other);
}

std::map<std::string, std::string> handshake_env(const std::string& socket_dir) {
  return {{"NOMAD_PLUGIN_MAGIC_COOKIE", "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255"},
          {"PLUGIN_PROTOCOL_VERSIONS", "2"},
          {"PLUGIN_MIN_PORT", "10000"},
          {"PLUGIN_MAX_PORT", "25000"},
          {"PLUGIN_UNIX_SOCKET_DIR", socket_dir},
          {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
          {"TMPDIR", socket_dir}};
}

Result<std::unique_ptr<Driver>> Driver::launch(const LaunchHow& how, Duration limit) {
  auto driver = std::unique_ptr<Driver>(new Driver());
  DROVER_LET(driver->process_, Launched::start(how));
  const std::optional<std::string> line = driver->process_->first_line(limit);
  if (!line) return fail(Code::timeout, "no handshake line on standard output; it said: {}", driver->process_->standard_error().substr(0, 300));
  driver->line_ = *line;
  DROVER_LET(const host::HandshakeLine parsed, host::parse_handshake_line(*line));
  driver->target_ = parsed.target();
  driver->connect();
  return driver;
}

Result<std::unique_ptr<Driver>> Driver::attach(const std::string& line_or_socket) {
  auto driver = std::unique_ptr<Driver>(new Driver());
  if (line_or_socket.find('|') != std::string::npos) {
    DROVER_LET(const host::HandshakeLine parsed, host::parse_handshake_line(line_or_socket));
    if (!parsed.certificate_der.empty()) return fail(Code::unsupported, "it was started with PLUGIN_CLIENT_CERT and speaks TLS: start it without");
    driver->line_ = line_or_socket;
    driver->target_ = parsed.target();
  } else {
    driver->target_ = "unix:" + line_or_socket;
  }
  driver->connect();
  return driver;
}

Driver::~Driver() { channel_.reset(); }

template <class Response, class Request>
Answer<Response> Driver::ask(const std::string& method, const Request& request, Duration limit) {
  const rpc::Reply reply = raw(method, request.SerializeAsString(), limit);
  Answer<Response> answer{reply.status, {}};
  if (answer.ok() && !answer.message.ParseFromString(reply.body)) {
    answer.status = rpc::Status{rpc::StatusCode::internal, "the answer cannot be parsed", {}};
  }
  return answer;
}

rpc::Reply Driver::raw(const std::string& method, const std::string& request, Duration limit) {
  return call(*channel_, path_of(method), request, limit, watch_);
}

Answer<base_pb::PluginInfoResponse> Driver::plugin_info() {
  return ask<base_pb::PluginInfoResponse>(base_prefix + "PluginInfo", base_pb::PluginInfoRequest());
}

Answer<base_pb::ConfigSchemaResponse> Driver::config_schema() {
  return ask<base_pb::ConfigSchemaResponse>(base_prefix + "ConfigSchema", base_pb::ConfigSchemaRequest());
}

Answer<base_pb::SetConfigResponse> Driver::set_config(const std::string& msgpack, bool with_node) {
  base_pb::SetConfigRequest request;
  request.set_msgpack_config(msgpack);
  request.set_plugin_api_version("v0.1.0");
  if (with_node) {
    auto& node = *request.mutable_nomad_config()->mutable_driver();
    node.set_clientminport(14000);
    node.set_clientmaxport(14512);
  }
  return ask<base_pb::SetConfigResponse>(base_prefix + "SetConfig", request);
}

Answer<pb::TaskConfigSchemaResponse> Driver::task_schema() {
  return ask<pb::TaskConfigSchemaResponse>("TaskConfigSchema", pb::TaskConfigSchemaRequest());
}

Answer<pb::CapabilitiesResponse> Driver::capabilities() {
  return ask<pb::CapabilitiesResponse>("Capabilities", pb::CapabilitiesRequest());
}

Answer<pb::InitResponse> Driver::init() { return ask<pb::InitResponse>("Init", pb::InitRequest()); }

Answer<pb::ShutdownResponse> Driver::shutdown() { return ask<pb::ShutdownResponse>("Shutdown", pb::ShutdownRequest()); }

Answer<pb::StartTaskResponse> Driver::start(const pb::TaskConfig& task, Duration limit) {
  pb::StartTaskRequest request;
  *request.mutable_task() = task;
  return ask<pb::StartTaskResponse>("StartTask", request, limit);
}

Answer<pb::WaitTaskResponse> Driver::wait(const std::string& id, Duration limit) {
  pb::WaitTaskRequest request;
  request.set_task_id(id);
  return ask<pb::WaitTaskResponse>("WaitTask", request, limit);
}

Answer<pb::StopTaskResponse> Driver::stop(const std::string& id, Duration grace, const std::string& signal) {
  pb::StopTaskRequest request;
  request.set_task_id(id);
  request.set_signal(signal);
  set(*request.mutable_timeout(), grace);
  return ask<pb::StopTaskResponse>("StopTask", request, grace + call_max);
}

Answer<pb::DestroyTaskResponse> Driver::destroy(const std::string& id, bool force) {
  pb::DestroyTaskRequest request;
  request.set_task_id(id);
  request.set_force(force);
  return ask<pb::DestroyTaskResponse>("DestroyTask", request);
}

Answer<pb::InspectTaskResponse> Driver::inspect(const std::string& id) {
  pb::InspectTaskRequest request;
  request.set_task_id(id);
  return ask<pb::InspectTaskResponse>("InspectTask", request);
}

Answer<pb::SignalTaskResponse> Driver::signal(const std::string& id, const std::string& name) {
  pb::SignalTaskRequest request;
  request.set_task_id(id);
  request.set_signal(name);
  return ask<pb::SignalTaskResponse>("SignalTask", request);
}

Answer<pb::RecoverTaskResponse> Driver::recover(const pb::TaskHandle& handle, const std::string& id) {
  pb::RecoverTaskRequest request;
  *request.mutable_handle() = handle;
  request.set_task_id(id);
  return ask<pb::RecoverTaskResponse>("RecoverTask", request);
}

Answer<pb::ExecTaskResponse> Driver::exec(const std::string& id, const std::vector<std::string>& argv, Duration timeout) {
  pb::ExecTaskRequest request;
  request.set_task_id(id);
  for (const std::string& word : argv) request.add_command(word);
  set(*request.mutable_timeout(), timeout);
  return ask<pb::ExecTaskResponse>("ExecTask", request, timeout + call_max);
}

Answer<pb::CreateNetworkResponse> Driver::create_network(const std::string& alloc_id, const std::string& hostname) {
  pb::CreateNetworkRequest request;
  request.set_alloc_id(alloc_id);
  request.set_hostname(hostname);
  return ask<pb::CreateNetworkResponse>("CreateNetwork", request);
}

Answer<pb::DestroyNetworkResponse> Driver::destroy_network(const std::string& alloc_id, const pb::NetworkIsolationSpec& spec) {
  pb::DestroyNetworkRequest request;
  request.set_alloc_id(alloc_id);
  *request.mutable_isolation_spec() = spec;
  return ask<pb::DestroyNetworkResponse>("DestroyNetwork", request);
}

std::unique_ptr<Stream> Driver::open(const std::string& method, Duration deadline) {
  return std::make_unique<Stream>(*channel_, path_of(method), deadline, watch_);
}

std::unique_ptr<Stream> Driver::opened(const std::string& method, const std::string& request) {
  std::unique_ptr<Stream> stream = open(method);
  stream->send(request);
  stream->close_sending();
  return stream;
}

std::unique_ptr<Stream> Driver::waiting(const std::string& id) {
  pb::WaitTaskRequest request;
  request.set_task_id(id);
  return opened("WaitTask", request.SerializeAsString());
}

std::unique_ptr<Stream> Driver::fingerprints() { return opened("Fingerprint", ""); }

std::unique_ptr<Stream> Driver::events() { return opened("TaskEvents", ""); }

std::unique_ptr<Stream> Driver::stats(const std::string& id, Duration interval) {
  pb::TaskStatsRequest request;
  request.set_task_id(id);
  set(*request.mutable_collection_interval(), interval);
  return opened("TaskStats", request.SerializeAsString());
}

std::unique_ptr<Stream> Driver::exec_stream(const std::string& id, const std::vector<std::string>& argv, bool tty) {
  pb::ExecTaskStreamingRequest request;
  request.mutable_setup()->set_task_id(id);
  request.mutable_setup()->set_tty(tty);
  for (const std::string& word : argv) request.mutable_setup()->add_command(word);
  std::unique_ptr<Stream> stream = open("ExecTaskStreaming");
  stream->send(request.SerializeAsString());
  return stream;
}

}  // namespace drover::conformance
