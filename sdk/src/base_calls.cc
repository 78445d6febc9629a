// What every plugin answers: who it is, its configuration, its health, its end.
#include "base/msgpack/msgpack.h"
#include "sdk/proto/base.pb.h"
#include "sdk/proto/handshake.pb.h"
#include "sdk/proto/health.pb.h"
#include "sdk/src/convert.h"
#include "sdk/src/driver_server.h"
#include "sdk/src/schema.h"

namespace drover::sdk {
namespace {

namespace base = wire::base::proto;
namespace health = grpc::health::v1;

}  // namespace

DriverServer::Answer DriverServer::plugin_info(Bytes) {
  const DriverInfo info = driver_.info();
  base::PluginInfoResponse response;
  response.set_type(base::DRIVER);
  response.add_plugin_api_versions("v0.1.0");
  response.set_plugin_version(info.version);
  response.set_name(info.name);
  co_return response.SerializeAsString();
}

DriverServer::Answer DriverServer::config_schema(Bytes) {
  base::ConfigSchemaResponse response;
  const ConfigSchema& schema = driver_.plugin_schema();
  if (!schema.fields.empty()) to_wire(schema, *response.mutable_spec());
  co_return response.SerializeAsString();
}

DriverServer::Answer DriverServer::set_config(Bytes request) {
  base::SetConfigRequest message;
  if (!message.ParseFromString(request)) co_return fail(Code::invalid, "the request cannot be parsed");
  auto config = std::make_shared<Value>(Value::map());
  if (!message.msgpack_config().empty()) {
    DROVER_CO_LET(*config, msgpack::decode(message.msgpack_config()));
  }
  const NodeFacts node = from_wire(message.nomad_config().driver());

  const std::function<Result<void>()> configure = [this, config, node] {
    return driver_.set_config(config_root(*config), node);
  };
  const Result<Result<void>> configured = co_await run_on_pool<Result<void>>(pool_, loop_, configure);
  DROVER_CO_TRY(configured);
  DROVER_CO_TRY(*configured);
  configured_.notify();
  co_return base::SetConfigResponse().SerializeAsString();
}

DriverServer::Answer DriverServer::health_check(Bytes request) {
  health::HealthCheckRequest message;
  if (!message.ParseFromString(request)) co_return fail(Code::invalid, "the request cannot be parsed");
  if (!message.service().empty() && message.service() != "plugin") co_return fail(Code::not_found, "unknown service");
  health::HealthCheckResponse response;
  response.set_status(health::HealthCheckResponse::SERVING);
  co_return response.SerializeAsString();
}

Async<void> DriverServer::health_watch(std::shared_ptr<rpc::ByteDuplex> stream) {
  health::HealthCheckResponse response;
  response.set_status(health::HealthCheckResponse::SERVING);
  if (stream->send(response.SerializeAsString())) co_await stay_open(stream);
}

DriverServer::Answer DriverServer::controller_shutdown(Bytes) { co_return plugin::Empty().SerializeAsString(); }

Async<void> DriverServer::stay_open(std::shared_ptr<rpc::ByteDuplex> stream) {
  for (;;) {
    const Result<Bytes> message = co_await stream->receive();
    if (!message) co_return;
  }
}

}  // namespace drover::sdk
