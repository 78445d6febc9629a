#pragma once

#include <drover/driver.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "base/loop/workers.h"
#include "base/rpc/duplex.h"
#include "base/rpc/server.h"
#include "sdk/src/tracked_task.h"

namespace drover::sdk {

class ExecCall;

/// Answers every call of the plugin protocol for one driver. All state is on the loop; the author's code runs on the
/// pool. `on_shutdown` runs on the loop when the host asks the process to end.
class DriverServer : private Events {
 public:
  DriverServer(Loop& loop, Workers& pool, Driver& driver, std::function<void()> on_shutdown);
  ~DriverServer() override;

  /// For rpc::Server; called on threads of gRPC.
  rpc::CallEvents accept(std::shared_ptr<rpc::Call> call, const rpc::Incoming& incoming);

  /// Ends the streams. What the author's code still does is not waited for.
  Async<void> stop();

 private:
  using Bytes = std::string;
  using Answer = Async<Result<Bytes>>;
  using Unary = Answer (DriverServer::*)(Bytes request);
  using StreamMethod = Async<void> (DriverServer::*)(std::shared_ptr<rpc::ByteDuplex> stream);
  struct Stream {
    StreamMethod method;
    rpc::HalfClose half_close = rpc::HalfClose::means_nothing;
  };

  static const std::map<std::string, Unary>& unary_methods();
  static const std::map<std::string, Stream>& stream_methods();
  rpc::CallEvents accept_unary(std::shared_ptr<rpc::Call> call, Unary method, bool cancellable);
  rpc::CallEvents accept_stream(std::shared_ptr<rpc::Call> call, const Stream& stream);
  Async<void> answer(std::shared_ptr<rpc::Call> call, Unary method, Bytes request);

  // base_calls.cc: the plugin itself
  Answer plugin_info(Bytes request);
  Answer config_schema(Bytes request);
  Answer set_config(Bytes request);
  Answer health_check(Bytes request);
  Answer controller_shutdown(Bytes request);
  Async<void> health_watch(std::shared_ptr<rpc::ByteDuplex> stream);
  Async<void> stay_open(std::shared_ptr<rpc::ByteDuplex> stream);

  // driver_calls.cc: the driver
  Answer nothing_to_do(Bytes request);
  Answer task_schema(Bytes request);
  Answer capabilities(Bytes request);
  Answer create_network(Bytes request);
  Answer destroy_network(Bytes request);
  Async<void> fingerprint(std::shared_ptr<rpc::ByteDuplex> stream);
  Async<void> task_events(std::shared_ptr<rpc::ByteDuplex> stream);

  // task_calls.cc: its tasks
  Answer start_task(Bytes request);
  Answer recover_task(Bytes request);
  Answer wait_task(Bytes request);
  Answer stop_task(Bytes request);
  Answer destroy_task(Bytes request);
  Answer inspect_task(Bytes request);
  Answer signal_task(Bytes request);
  Async<void> task_stats(std::shared_ptr<rpc::ByteDuplex> stream);

  // exec_calls.cc
  Answer exec_task(Bytes request);
  rpc::CallEvents accept_exec(std::shared_ptr<rpc::Call> call);

  Result<std::shared_ptr<TrackedTask>> find(const std::string& id) const;
  void follow(const std::shared_ptr<TrackedTask>& tracked);
  Async<Result<Exit>> exit_of(std::shared_ptr<TrackedTask> tracked);
  void emit(const TaskConfig& task, std::string message, std::map<std::string, std::string> details) override;

  Loop& loop_;
  Workers& pool_;
  Driver& driver_;
  std::function<void()> on_shutdown_;
  std::map<std::string, std::shared_ptr<TrackedTask>> tasks_;
  std::set<rpc::ByteDuplex*> event_streams_;
  Signal configured_;
  Scope scope_;
};

/// "task not found for given id": hosts compare this text.
Error unknown_task();

/// How an error of the author's code goes over the wire. `starting`: says whether another try may help.
rpc::Status status_of_driver(const Error& error, bool starting);

}  // namespace drover::sdk
