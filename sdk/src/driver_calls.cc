// What a driver says of itself: schema, capabilities, health, events.
#include "sdk/proto/driver.pb.h"
#include "sdk/src/convert.h"
#include "sdk/src/driver_server.h"
#include "sdk/src/schema.h"

namespace drover::sdk {
namespace {

namespace drivers = wire::drivers::proto;

}  // namespace

DriverServer::Answer DriverServer::nothing_to_do(Bytes) { co_return Bytes(); }

DriverServer::Answer DriverServer::task_schema(Bytes) {
  drivers::TaskConfigSchemaResponse response;
  response.mutable_spec()->mutable_object();  // a schema without members is still a schema
  to_wire(driver_.task_schema(), *response.mutable_spec());
  co_return response.SerializeAsString();
}

DriverServer::Answer DriverServer::capabilities(Bytes) {
  drivers::CapabilitiesResponse response;
  to_wire(driver_.capabilities(), *response.mutable_capabilities());
  co_return response.SerializeAsString();
}

DriverServer::Answer DriverServer::create_network(Bytes request) {
  auto* const maker = dynamic_cast<MakesNetworks*>(&driver_);
  if (maker == nullptr) co_return fail(Code::unsupported, "CreateNetwork RPC not supported by driver");
  drivers::CreateNetworkRequest message;
  if (!message.ParseFromString(request)) co_return fail(Code::invalid, "the request cannot be parsed");
  if (message.alloc_id().empty()) co_return fail(Code::invalid, "the request names no allocation");

  using Made = MakesNetworks::Made;
  const std::function<Result<Made>()> make = [maker, alloc = message.alloc_id(), hostname = message.hostname()] {
    return maker->create_network(alloc, hostname);
  };
  const Result<Result<Made>> made = co_await run_on_pool<Result<Made>>(pool_, loop_, make);
  DROVER_CO_TRY(made);
  DROVER_CO_TRY(*made);
  drivers::CreateNetworkResponse response;
  if ((*made)->network) to_wire(*(*made)->network, *response.mutable_isolation_spec());
  response.set_created((*made)->created);
  co_return response.SerializeAsString();
}

DriverServer::Answer DriverServer::destroy_network(Bytes request) {
  auto* const maker = dynamic_cast<MakesNetworks*>(&driver_);
  if (maker == nullptr) co_return fail(Code::unsupported, "DestroyNetwork RPC not supported by driver");
  drivers::DestroyNetworkRequest message;
  if (!message.ParseFromString(request)) co_return fail(Code::invalid, "the request cannot be parsed");
  if (message.alloc_id().empty()) co_return fail(Code::invalid, "the request names no allocation");

  const NetworkIsolation network = from_wire(message.isolation_spec());
  const std::function<Result<void>()> destroy = [maker, alloc = message.alloc_id(), network] {
    return maker->destroy_network(alloc, network);
  };
  const Result<Result<void>> destroyed = co_await run_on_pool<Result<void>>(pool_, loop_, destroy);
  DROVER_CO_TRY(destroyed);
  DROVER_CO_TRY(*destroyed);
  co_return Bytes();
}

Async<void> DriverServer::fingerprint(std::shared_ptr<rpc::ByteDuplex> stream) {
  const std::function<Fingerprint()> ask = [this] { return driver_.fingerprint(); };
  const std::function<Duration()> interval = [this] { return driver_.info().fingerprint_interval; };
  for (;;) {
    const Result<Fingerprint> found = co_await run_on_pool<Fingerprint>(pool_, loop_, ask);
    if (!found && found.error().code == Code::cancelled) co_return;

    drivers::FingerprintResponse response;
    if (found) to_wire(*found, response);
    if (!found) to_wire(Fingerprint::unhealthy(found.error().message), response);
    if (!stream->send(response.SerializeAsString())) co_return;
    const bool goes_on = co_await configured_.wait_for(interval());
    if (!goes_on) co_return;
  }
}

Async<void> DriverServer::task_events(std::shared_ptr<rpc::ByteDuplex> stream) {
  event_streams_.insert(stream.get());
  co_await stay_open(stream);
  event_streams_.erase(stream.get());
}

void DriverServer::emit(const TaskConfig& task, std::string message, std::map<std::string, std::string> details) {
  drivers::DriverTaskEvent event;
  event.set_task_id(task.id);
  event.set_alloc_id(task.alloc_id);
  event.set_task_name(task.name);
  event.set_message(valid_utf8(std::move(message)));
  for (auto& [key, value] : details) (*event.mutable_annotations())[valid_utf8(key)] = valid_utf8(std::move(value));
  to_wire(loop_.now(), *event.mutable_timestamp());
  loop_.post([this, bytes = event.SerializeAsString()] {
    // Nobody listening, or a listener that does not read: the event is only for people, and lost.
    for (rpc::ByteDuplex* stream : event_streams_) static_cast<void>(stream->send(bytes));
  });
}

}  // namespace drover::sdk
