#pragma once

#include <drover/result.h>

#include <memory>
#include <string>
#include <vector>

#include "base/value/value.h"
#include "conformance/caller.h"
#include "conformance/launched.h"
#include "sdk/proto/base.pb.h"
#include "sdk/proto/driver.pb.h"

namespace drover::conformance {

namespace base_pb = hashicorp::nomad::plugins::base::proto;
namespace pb = hashicorp::nomad::plugins::drivers::proto;

template <class Message>
struct Answer {
  rpc::Status status;
  Message message;
  bool ok() const { return status.ok(); }
};

/// "code 2: no such task", for reports.
std::string shown(const rpc::Status& status);

/// The environment that an agent gives to a plugin.
std::map<std::string, std::string> handshake_env(const std::string& socket_dir);

/// A driver process that has shaken hands. Ended by its destructor.
class Driver {
 public:
  static Result<std::unique_ptr<Driver>> launch(const LaunchHow& how, Duration limit = std::chrono::seconds(60));
  /// One that runs already, by its handshake line or its socket. It is not ours to end.
  static Result<std::unique_ptr<Driver>> attach(const std::string& line_or_socket);
  ~Driver();

  Launched& process() { return *process_; }  ///< not of one that was attached to
  rpc::Channel& channel() { return *channel_; }
  const std::string& line() const { return line_; }
  const std::string& target() const { return target_; }
  void disconnect() { channel_ = nullptr; }
  void connect() { channel_ = std::make_unique<rpc::Channel>(target_, rpc::Channel::Options{}); }
  bool alive() { return process_ == nullptr || !process_->ends_within(Duration::zero()); }
  /// From now on every call is told.
  void watch(Watch watch) { watch_ = std::move(watch); }

  Answer<base_pb::PluginInfoResponse> plugin_info();
  Answer<base_pb::ConfigSchemaResponse> config_schema();
  Answer<base_pb::SetConfigResponse> set_config(const std::string& msgpack, bool with_node = true);
  Answer<pb::TaskConfigSchemaResponse> task_schema();
  Answer<pb::CapabilitiesResponse> capabilities();
  Answer<pb::InitResponse> init();
  Answer<pb::ShutdownResponse> shutdown();

  Answer<pb::StartTaskResponse> start(const pb::TaskConfig& task, Duration limit = call_max);
  Answer<pb::WaitTaskResponse> wait(const std::string& id, Duration limit = call_max);
  Answer<pb::StopTaskResponse> stop(const std::string& id, Duration grace, const std::string& signal = "");
  Answer<pb::DestroyTaskResponse> destroy(const std::string& id, bool force);
  Answer<pb::InspectTaskResponse> inspect(const std::string& id);
  Answer<pb::SignalTaskResponse> signal(const std::string& id, const std::string& name);
  Answer<pb::RecoverTaskResponse> recover(const pb::TaskHandle& handle, const std::string& id = "");
  Answer<pb::ExecTaskResponse> exec(const std::string& id, const std::vector<std::string>& argv, Duration timeout);
  Answer<pb::CreateNetworkResponse> create_network(const std::string& alloc_id, const std::string& hostname);
  Answer<pb::DestroyNetworkResponse> destroy_network(const std::string& alloc_id, const pb::NetworkIsolationSpec& spec);

  /// Streams, with their request sent.
  std::unique_ptr<Stream> waiting(const std::string& id);
  std::unique_ptr<Stream> fingerprints();
  std::unique_ptr<Stream> events();
  std::unique_ptr<Stream> stats(const std::string& id, Duration interval);
  std::unique_ptr<Stream> exec_stream(const std::string& id, const std::vector<std::string>& argv, bool tty);
  std::unique_ptr<Stream> open(const std::string& method, Duration deadline = Duration::zero());

  /// A method of the driver service by its short name, or any by its whole path.
  rpc::Reply raw(const std::string& method, const std::string& request, Duration limit = call_max);

 private:
  template <class Response, class Request>
  Answer<Response> ask(const std::string& method, const Request& request, Duration limit = call_max);
  std::unique_ptr<Stream> opened(const std::string& method, const std::string& request);

  std::unique_ptr<Launched> process_;
  std::unique_ptr<rpc::Channel> channel_;
  std::string line_;
  std::string target_;
  Watch watch_;
};

/// Equal as messages: the bytes of one with maps differ from time to time.
bool is_same(const google::protobuf::Message& one, const google::protobuf::Message& other);

/// A message of a stream, parsed.
template <class Message>
std::optional<Message> next(Stream& stream, Duration limit) {
  const std::optional<std::string> bytes = stream.next(limit);
  Message message;
  if (!bytes || !message.ParseFromString(*bytes)) return std::nullopt;
  return message;
}

}  // namespace drover::conformance
