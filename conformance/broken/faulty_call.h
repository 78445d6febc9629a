#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/rpc/server.h"
#include "conformance/broken/fault.h"

namespace drover::broken {

/// A call as the right driver sees it, with the fault between it and its caller.
class FaultyCall final : public rpc::Call {
 public:
  FaultyCall(std::shared_ptr<rpc::Call> call, std::string method, const Fault& fault)
      : call_(std::move(call)), method_(std::move(method)), fault_(fault) {}

  void read() override { call_->read(); }
  Result<void> send(std::string message) override {
    const std::lock_guard lock(mutex_);
    if (fault_.response && !fault_.response(method_, message)) return {};
    ++sent_;
    return call_->send(std::move(message));
  }
  std::size_t queued() const override { return call_->queued(); }
  void close(rpc::Status status) override {
    const std::lock_guard lock(mutex_);
    if (fault_.status && fault_.status(method_, status, sent_)) static_cast<void>(call_->send(""));
    call_->close(std::move(status));
  }
  void cancel() override { call_->cancel(); }

 private:
  const std::shared_ptr<rpc::Call> call_;
  const std::string method_;
  const Fault& fault_;
  std::mutex mutex_;
  int sent_ = 0;
};

/// What happens to a call, with the fault in front of the driver.
rpc::CallEvents with_fault(const Fault& fault, std::shared_ptr<rpc::Call> call, const std::string& method, rpc::CallEvents events);

}  // namespace drover::broken
