#include "sdk/host/driver_client.h"

#include "sdk/proto/shared.pb.h"
#include "sdk/proto/status.pb.h"

namespace drover::host {
namespace {

#define DROVER_BASE_METHOD(name) "/hashicorp.nomad.plugins.base.proto.BasePlugin/" name
#define DROVER_DRIVER_METHOD(name) "/hashicorp.nomad.plugins.drivers.proto.Driver/" name

bool says_recoverable(const rpc::Status& status) {
  google::rpc::Status details;
  hashicorp::nomad::plugins::shared::structs::RecoverableError error;
  if (!details.ParseFromString(status.details) || details.details().empty()) return false;
  if (!details.details(0).type_url().ends_with("hashicorp.nomad.plugins.shared.structs.RecoverableError")) return false;
  return error.ParseFromString(details.details(0).value()) && error.recoverable();
}

void set(google::protobuf::Duration& message, Duration value) {
  message.set_seconds(value / std::chrono::seconds(1));
  message.set_nanos(static_cast<std::int32_t>((value % std::chrono::seconds(1)).count()));
}

template <class Response, class Request>
Async<Result<Response>> ask(rpc::Channel& channel, Loop& loop, std::string method, Request request, Duration deadline) {
  const rpc::CallOptions options{deadline, false};
  std::pair<rpc::Status, Response> reply =
      co_await rpc::call<Response, Request>(channel, loop, std::move(method), std::move(request), options);
  if (!reply.first.ok()) co_return error_of_driver(reply.first);
  co_return std::move(reply.second);
}

template <class Response, class Request>
Async<Result<void>> tell(rpc::Channel& channel, Loop& loop, std::string method, Request request, Duration deadline) {
  const Result<Response> reply =
      co_await ask<Response, Request>(channel, loop, std::move(method), std::move(request), deadline);
  if (!reply) co_return reply.error();
  co_return Result<void>();
}

Result<void> fine_without(const Result<void>& result) {
  if (!result && result.error().code == Code::unsupported) return {};
  return result;
}

}  // namespace

Error error_of_driver(const rpc::Status& status) {
  if (status.message == "task not found for given id") return Error{Code::not_found, status.message};
  if (status.message.ends_with(" RPC not supported by driver")) return Error{Code::unsupported, status.message};
  switch (status.code) {
    case rpc::StatusCode::unavailable: return Error{Code::unavailable, "the driver is gone: " + status.message};
    case rpc::StatusCode::cancelled: return Error{Code::cancelled, status.message};
    case rpc::StatusCode::unimplemented: return Error{Code::unsupported, "the driver does not support this: " + status.message};
    case rpc::StatusCode::deadline_exceeded: return Error{Code::timeout, status.message};
    case rpc::StatusCode::resource_exhausted: return Error{Code::exhausted, status.message};
    default: break;
  }
  return Error{says_recoverable(status) ? Code::unavailable : Code::invalid, status.message};
}

Async<Result<base_wire::PluginInfoResponse>> DriverClient::plugin_info() {
  base_wire::PluginInfoRequest request;
  co_return co_await ask<base_wire::PluginInfoResponse>(channel_, loop_, DROVER_BASE_METHOD("PluginInfo"), request, short_call_max);
}

Async<Result<base_wire::ConfigSchemaResponse>> DriverClient::config_schema() {
  base_wire::ConfigSchemaRequest request;
  co_return co_await ask<base_wire::ConfigSchemaResponse>(channel_, loop_, DROVER_BASE_METHOD("ConfigSchema"), request, short_call_max);
}

Async<Result<void>> DriverClient::set_config(base_wire::SetConfigRequest request) {
  co_return co_await tell<base_wire::SetConfigResponse>(channel_, loop_, DROVER_BASE_METHOD("SetConfig"), std::move(request), short_call_max);
}

Async<Result<void>> DriverClient::init() {
  driver_wire::InitRequest request;
  const Result<void> done = co_await tell<driver_wire::InitResponse>(channel_, loop_, DROVER_DRIVER_METHOD("Init"), request, short_call_max);
  co_return fine_without(done);
}

Async<Result<void>> DriverClient::shutdown() {
  driver_wire::ShutdownRequest request;
  const Result<void> done = co_await tell<driver_wire::ShutdownResponse>(channel_, loop_, DROVER_DRIVER_METHOD("Shutdown"), request, shutdown_call_max);
  co_return fine_without(done);
}

Async<Result<driver_wire::TaskConfigSchemaResponse>> DriverClient::task_schema() {
  driver_wire::TaskConfigSchemaRequest request;
  co_return co_await ask<driver_wire::TaskConfigSchemaResponse>(channel_, loop_, DROVER_DRIVER_METHOD("TaskConfigSchema"), request, short_call_max);
}

Async<Result<driver_wire::CapabilitiesResponse>> DriverClient::capabilities() {
  driver_wire::CapabilitiesRequest request;
  co_return co_await ask<driver_wire::CapabilitiesResponse>(channel_, loop_, DROVER_DRIVER_METHOD("Capabilities"), request, short_call_max);
}

Async<Result<driver_wire::StartTaskResponse>> DriverClient::start_task(driver_wire::StartTaskRequest request) {
  co_return co_await ask<driver_wire::StartTaskResponse>(channel_, loop_, DROVER_DRIVER_METHOD("StartTask"), std::move(request), start_call_max);
}

Async<Result<void>> DriverClient::recover_task(driver_wire::RecoverTaskRequest request) {
  co_return co_await tell<driver_wire::RecoverTaskResponse>(channel_, loop_, DROVER_DRIVER_METHOD("RecoverTask"), std::move(request), clean_call_max);
}

Async<Result<driver_wire::WaitTaskResponse>> DriverClient::wait_task(std::string id) {
  driver_wire::WaitTaskRequest request;
  request.set_task_id(id);
  co_return co_await ask<driver_wire::WaitTaskResponse>(channel_, loop_, DROVER_DRIVER_METHOD("WaitTask"), request, Duration::zero());
}

Async<Result<void>> DriverClient::stop_task(std::string id, Duration grace, std::string signal) {
  driver_wire::StopTaskRequest request;
  request.set_task_id(id);
  request.set_signal(signal);
  set(*request.mutable_timeout(), grace);
  co_return co_await tell<driver_wire::StopTaskResponse>(channel_, loop_, DROVER_DRIVER_METHOD("StopTask"), request, grace + stop_slack);
}

Async<Result<void>> DriverClient::destroy_task(std::string id, bool force) {
  driver_wire::DestroyTaskRequest request;
  request.set_task_id(id);
  request.set_force(force);
  co_return co_await tell<driver_wire::DestroyTaskResponse>(channel_, loop_, DROVER_DRIVER_METHOD("DestroyTask"), request, clean_call_max);
}

Async<Result<driver_wire::InspectTaskResponse>> DriverClient::inspect_task(std::string id) {
  driver_wire::InspectTaskRequest request;
  request.set_task_id(id);
  co_return co_await ask<driver_wire::InspectTaskResponse>(channel_, loop_, DROVER_DRIVER_METHOD("InspectTask"), request, short_call_max);
}

Async<Result<void>> DriverClient::signal_task(std::string id, std::string signal) {
  driver_wire::SignalTaskRequest request;
  request.set_task_id(id);
  request.set_signal(signal);
  co_return co_await tell<driver_wire::SignalTaskResponse>(channel_, loop_, DROVER_DRIVER_METHOD("SignalTask"), request, short_call_max);
}

Async<Result<driver_wire::ExecTaskResponse>> DriverClient::exec_task(driver_wire::ExecTaskRequest request) {
  const Duration limit = std::chrono::seconds(request.timeout().seconds()) + Duration(request.timeout().nanos());
  co_return co_await ask<driver_wire::ExecTaskResponse>(channel_, loop_, DROVER_DRIVER_METHOD("ExecTask"), std::move(request), limit + exec_slack);
}

Async<Result<driver_wire::CreateNetworkResponse>> DriverClient::create_network(std::string alloc_id, std::string hostname) {
  driver_wire::CreateNetworkRequest request;
  request.set_alloc_id(alloc_id);
  request.set_hostname(hostname);
  co_return co_await ask<driver_wire::CreateNetworkResponse>(channel_, loop_, DROVER_DRIVER_METHOD("CreateNetwork"), request, clean_call_max);
}

Async<Result<void>> DriverClient::destroy_network(driver_wire::DestroyNetworkRequest request) {
  co_return co_await tell<driver_wire::DestroyNetworkResponse>(channel_, loop_, DROVER_DRIVER_METHOD("DestroyNetwork"), std::move(request), clean_call_max);
}

/// A stream of the driver's messages that answers one request. Newer Go servers wait for the end of the requests.
template <class Out, class In>
std::unique_ptr<Duplex<Out, In>> DriverClient::listen(const char* method, const Out& request) {
  auto bytes = rpc::duplex_of(loop_, [this, method, &request](rpc::CallEvents events) {
    std::shared_ptr<rpc::Call> call = channel_.open(method, std::move(events));
    static_cast<void>(call->send(request.SerializeAsString()));
    call->close();
    return call;
  });
  return std::make_unique<rpc::MessageDuplex<Out, In>>(std::move(bytes));
}

std::unique_ptr<DriverClient::Fingerprints> DriverClient::fingerprints() {
  const driver_wire::FingerprintRequest request;
  return listen<driver_wire::FingerprintRequest, driver_wire::FingerprintResponse>(DROVER_DRIVER_METHOD("Fingerprint"), request);
}

std::unique_ptr<DriverClient::TaskEvents> DriverClient::task_events() {
  const driver_wire::TaskEventsRequest request;
  return listen<driver_wire::TaskEventsRequest, driver_wire::DriverTaskEvent>(DROVER_DRIVER_METHOD("TaskEvents"), request);
}

std::unique_ptr<DriverClient::TaskStats> DriverClient::task_stats(const std::string& id, Duration interval) {
  driver_wire::TaskStatsRequest request;
  request.set_task_id(id);
  set(*request.mutable_collection_interval(), interval);
  return listen<driver_wire::TaskStatsRequest, driver_wire::TaskStatsResponse>(DROVER_DRIVER_METHOD("TaskStats"), request);
}

std::unique_ptr<DriverClient::ExecStream> DriverClient::exec_stream() {
  auto bytes = rpc::duplex_of(loop_, [this](rpc::CallEvents events) {
    return channel_.open(DROVER_DRIVER_METHOD("ExecTaskStreaming"), std::move(events));
  });
  return std::make_unique<rpc::MessageDuplex<driver_wire::ExecTaskStreamingRequest, driver_wire::ExecTaskStreamingResponse>>(
      std::move(bytes));
}

}  // namespace drover::host
