#include "sdk/src/driver_server.h"

#include <google/protobuf/any.pb.h>

#include "sdk/proto/shared.pb.h"
#include "sdk/proto/status.pb.h"
#include "sdk/src/convert.h"

namespace drover::sdk {
namespace {

constexpr std::string_view base_service = "/hashicorp.nomad.plugins.base.proto.BasePlugin/";
constexpr std::string_view driver_service = "/hashicorp.nomad.plugins.drivers.proto.Driver/";

std::string base(std::string_view method) { return std::string(base_service) + std::string(method); }
std::string driver(std::string_view method) { return std::string(driver_service) + std::string(method); }

}  // namespace

Error unknown_task() { return fail(Code::not_found, "task not found for given id"); }

rpc::Status status_of_driver(const Error& error, bool starting) {
  const std::string message = valid_utf8(error.message);
  if (error.code == Code::timeout) return rpc::Status{rpc::StatusCode::deadline_exceeded, message, {}};
  if (!starting || error.code != Code::unavailable) return rpc::Status{rpc::StatusCode::unknown, message, {}};

  hashicorp::nomad::plugins::shared::structs::RecoverableError recoverable;
  recoverable.set_recoverable(true);
  google::rpc::Status details;
  details.set_code(static_cast<int>(rpc::StatusCode::failed_precondition));
  details.set_message(message);
  auto* detail = details.add_details();
  detail->set_type_url("type.googleapis.com/hashicorp.nomad.plugins.shared.structs.RecoverableError");
  detail->set_value(recoverable.SerializeAsString());
  return rpc::Status{rpc::StatusCode::failed_precondition, message, details.SerializeAsString()};
}

DriverServer::DriverServer(Loop& loop, Workers& pool, Driver& driver, std::function<void()> on_shutdown)
    : loop_(loop),
      pool_(pool),
      driver_(driver),
      on_shutdown_(std::move(on_shutdown)),
      configured_(loop),
      scope_(loop) {}

DriverServer::~DriverServer() = default;

Async<void> DriverServer::stop() { co_await scope_.stop(); }

const std::map<std::string, DriverServer::Unary>& DriverServer::unary_methods() {
  static const std::map<std::string, Unary> methods = {
      {base("PluginInfo"), &DriverServer::plugin_info},
      {base("ConfigSchema"), &DriverServer::config_schema},
      {base("SetConfig"), &DriverServer::set_config},
      {"/grpc.health.v1.Health/Check", &DriverServer::health_check},
      {"/plugin.GRPCController/Shutdown", &DriverServer::controller_shutdown},
      {driver("Init"), &DriverServer::nothing_to_do},
      {driver("Shutdown"), &DriverServer::nothing_to_do},
      {driver("TaskConfigSchema"), &DriverServer::task_schema},
      {driver("Capabilities"), &DriverServer::capabilities},
      {driver("RecoverTask"), &DriverServer::recover_task},
      {driver("StartTask"), &DriverServer::start_task},
      {driver("WaitTask"), &DriverServer::wait_task},
      {driver("StopTask"), &DriverServer::stop_task},
      {driver("DestroyTask"), &DriverServer::destroy_task},
      {driver("InspectTask"), &DriverServer::inspect_task},
      {driver("SignalTask"), &DriverServer::signal_task},
      {driver("ExecTask"), &DriverServer::exec_task},
      {driver("CreateNetwork"), &DriverServer::create_network},
      {driver("DestroyNetwork"), &DriverServer::destroy_network},
  };
  return methods;
}

const std::map<std::string, DriverServer::Stream>& DriverServer::stream_methods() {
  static const std::map<std::string, Stream> methods = {
      {"/grpc.health.v1.Health/Watch", {&DriverServer::health_watch}},
      {"/plugin.GRPCStdio/StreamStdio", {&DriverServer::stay_open}},
      {"/plugin.GRPCBroker/StartStream", {&DriverServer::stay_open, rpc::HalfClose::ends_the_stream}},
      {driver("Fingerprint"), {&DriverServer::fingerprint}},
      {driver("TaskEvents"), {&DriverServer::task_events}},
      {driver("TaskStats"), {&DriverServer::task_stats}},
  };
  return methods;
}

rpc::CallEvents DriverServer::accept(std::shared_ptr<rpc::Call> call, const rpc::Incoming& incoming) {
  const auto unary = unary_methods().find(incoming.method);
  if (unary != unary_methods().end()) {
    // A start or a stop goes on when its caller has gone; only waiting is given up.
    return accept_unary(std::move(call), unary->second, unary->second == &DriverServer::wait_task);
  }
  const auto stream = stream_methods().find(incoming.method);
  if (stream != stream_methods().end()) return accept_stream(std::move(call), stream->second);
  if (incoming.method == driver("ExecTaskStreaming")) return accept_exec(std::move(call));
  call->close(rpc::Status{rpc::StatusCode::unimplemented, "unknown method " + incoming.method, {}});
  return {};
}

rpc::CallEvents DriverServer::accept_unary(std::shared_ptr<rpc::Call> call, Unary method, bool cancellable) {
  auto give_up = std::make_shared<std::function<void()>>();  // on the loop
  rpc::CallEvents events;
  events.received = [this, call, method, give_up](Bytes request) {
    loop_.post([this, call, method, give_up, request = std::move(request)]() mutable {
      *give_up = scope_.spawn_cancellable(answer(call, method, std::move(request)));
    });
  };
  if (cancellable) {
    events.ended = [this, give_up](const rpc::Status&) {
      loop_.post([give_up] {
        if (*give_up) (*give_up)();
      });
    };
  }
  call->read();
  return events;
}

Async<void> DriverServer::answer(std::shared_ptr<rpc::Call> call, Unary method, Bytes request) {
  const Result<Bytes> reply = co_await (this->*method)(std::move(request));
  if (!reply) {
    call->close(status_of_driver(reply.error(), method == &DriverServer::start_task));
    co_return;
  }
  // A caller that has gone needs no answer.
  static_cast<void>(call->send(*reply));
  call->close();
  if (method == &DriverServer::controller_shutdown) on_shutdown_();
}

/// A stream's coroutine ends with its call, whatever it waits for.
rpc::CallEvents DriverServer::accept_stream(std::shared_ptr<rpc::Call> call, const Stream& stream) {
  auto give_up = std::make_shared<std::function<void()>>();  // on the loop
  const std::function<void(std::unique_ptr<rpc::ByteDuplex>)> accepted =
      [this, give_up, method = stream.method](std::unique_ptr<rpc::ByteDuplex> opened) {
        const std::shared_ptr<rpc::ByteDuplex> shared = std::move(opened);
        *give_up = scope_.spawn_cancellable((this->*method)(shared));
      };
  rpc::CallEvents events = rpc::serve_duplex(loop_, std::move(call), stream.half_close, accepted);
  events.ended = [this, give_up, ended = std::move(events.ended)](const rpc::Status& status) {
    ended(status);
    loop_.post([give_up] {
      if (*give_up) (*give_up)();
    });
  };
  return events;
}

Result<std::shared_ptr<TrackedTask>> DriverServer::find(const std::string& id) const {
  const auto found = tasks_.find(id);
  if (found == tasks_.end() || !found->second->task) return unknown_task();
  return found->second;
}

}  // namespace drover::sdk
