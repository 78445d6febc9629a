#pragma once

#include <drover/result.h>

#include <functional>
#include <memory>
#include <string>

#include "base/loop/async.h"
#include "base/loop/loop.h"
#include "base/rpc/client.h"
#include "base/rpc/duplex.h"
#include "sdk/host/wire.h"

/// The calls of a driver, typed. Each has a deadline but waiting and stopping, which the driver itself bounds.
namespace drover::host {

inline constexpr Duration short_call_max = std::chrono::seconds(30);   ///< questions, signals
inline constexpr Duration clean_call_max = std::chrono::minutes(2);    ///< destroy, recover, networks
inline constexpr Duration start_call_max = std::chrono::hours(1);      ///< images are pulled in it
inline constexpr Duration shutdown_call_max = std::chrono::seconds(2);
inline constexpr Duration exec_slack = std::chrono::seconds(10);       ///< on top of a command's own limit
inline constexpr Duration stop_slack = std::chrono::minutes(5);        ///< on top of a stop's grace

/// What a failed call means: `not_found` for a task the driver does not know, `unavailable` when the driver is gone or says
/// that another try may help, `unsupported` for a call it does not have, `invalid` otherwise.
Error error_of_driver(const rpc::Status& status);

class DriverClient {
 public:
  DriverClient(Loop& loop, rpc::Channel& channel) : loop_(loop), channel_(channel) {}

  Async<Result<base_wire::PluginInfoResponse>> plugin_info();
  Async<Result<base_wire::ConfigSchemaResponse>> config_schema();
  Async<Result<void>> set_config(base_wire::SetConfigRequest request);
  /// Init, and Shutdown below: drivers may lack them, and that is fine.
  Async<Result<void>> init();
  Async<Result<void>> shutdown();
  Async<Result<driver_wire::TaskConfigSchemaResponse>> task_schema();
  Async<Result<driver_wire::CapabilitiesResponse>> capabilities();

  Async<Result<driver_wire::StartTaskResponse>> start_task(driver_wire::StartTaskRequest request);
  Async<Result<void>> recover_task(driver_wire::RecoverTaskRequest request);
  Async<Result<driver_wire::WaitTaskResponse>> wait_task(std::string id);
  Async<Result<void>> stop_task(std::string id, Duration grace, std::string signal);
  Async<Result<void>> destroy_task(std::string id, bool force);
  Async<Result<driver_wire::InspectTaskResponse>> inspect_task(std::string id);
  Async<Result<void>> signal_task(std::string id, std::string signal);
  Async<Result<driver_wire::ExecTaskResponse>> exec_task(driver_wire::ExecTaskRequest request);

  Async<Result<driver_wire::CreateNetworkResponse>> create_network(std::string alloc_id, std::string hostname);
  Async<Result<void>> destroy_network(driver_wire::DestroyNetworkRequest request);

  using Fingerprints = Duplex<driver_wire::FingerprintRequest, driver_wire::FingerprintResponse>;
  using TaskEvents = Duplex<driver_wire::TaskEventsRequest, driver_wire::DriverTaskEvent>;
  using TaskStats = Duplex<driver_wire::TaskStatsRequest, driver_wire::TaskStatsResponse>;
  using ExecStream = Duplex<driver_wire::ExecTaskStreamingRequest, driver_wire::ExecTaskStreamingResponse>;

  std::unique_ptr<Fingerprints> fingerprints();
  std::unique_ptr<TaskEvents> task_events();
  std::unique_ptr<TaskStats> task_stats(const std::string& id, Duration interval);
  /// The caller sends the setup first.
  std::unique_ptr<ExecStream> exec_stream();

 private:
  template <class Out, class In>
  std::unique_ptr<Duplex<Out, In>> listen(const char* method, const Out& request);

  Loop& loop_;
  rpc::Channel& channel_;
};

}  // namespace drover::host
