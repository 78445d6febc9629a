#pragma once

#include <drover/driver.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/loop/workers.h"
#include "base/rpc/rpc.h"
#include "sdk/proto/driver.pb.h"

namespace drover::sdk {

/// One interactive command: frames of the call in, bytes of the session out. Works beside the loop, because output must
/// be able to wait for a slow reader. Lives as long as the call or the session.
class ExecCall : public std::enable_shared_from_this<ExecCall> {
 public:
  static constexpr std::size_t frames_waiting_max = 64;  ///< then the command's output waits
  static constexpr std::size_t frame_bytes_max = 32 << 10;

  using Setup = hashicorp::nomad::plugins::drivers::proto::ExecTaskStreamingRequest::Setup;
  /// Starts the command; called once, on the pool.
  using Start = std::function<Result<std::unique_ptr<ExecSession>>(const Setup& setup, ExecSession::Handlers handlers)>;

  ExecCall(std::shared_ptr<rpc::Call> call, Workers& pool, Start start);

  void received(const std::string& bytes);
  void sent();
  void ended();

 private:
  void begin(const Setup& setup);
  void feed(const hashicorp::nomad::plugins::drivers::proto::ExecTaskStreamingRequest& frame);
  void output(bool is_stderr, std::string_view bytes);
  void exited(int code, int signal);
  void send(const hashicorp::nomad::plugins::drivers::proto::ExecTaskStreamingResponse& frame);
  void on_pool(std::function<void()> job);
  void drop_session();

  std::shared_ptr<rpc::Call> call_;
  Workers& pool_;
  Start start_;
  bool terminal_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<ExecSession> session_;
  bool begun_ = false;
  bool over_ = false;  ///< the caller has gone, or the command has ended
  bool out_closed_ = false;
  bool err_closed_ = false;
};

}  // namespace drover::sdk
