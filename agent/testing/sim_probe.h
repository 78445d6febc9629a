#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/probe.h"
#include "base/loop/loop.h"

namespace drover::agent {

/// Answers of what is checked: well, unless a test says otherwise.
class SimProbe final : public Probe {
 public:
  explicit SimProbe(Loop& loop) : loop_(loop) {}

  Async<Result<HttpProbeAnswer>> http(HttpProbe probe, Duration limit) override {
    asked.push_back(probe.method + " " + probe.url);
    const bool slept = co_await loop_.sleep(hangs ? limit : answer_time);
    if (!slept) co_return fail(Code::cancelled, "cancelled");
    if (hangs) co_return fail(Code::timeout, "no answer within its timeout");
    if (refuses) co_return fail(Code::unavailable, "connection refused");
    HttpProbeAnswer answer{http_status, http_body};
    co_return answer;
  }
  Async<Result<void>> tcp(std::string host, std::uint16_t port, Duration limit) override {
    asked.push_back("tcp " + host + ":" + std::to_string(port));
    co_return co_await plain(limit);
  }
  Async<Result<void>> grpc(GrpcProbe probe, Duration limit) override {
    asked.push_back("grpc " + probe.address + " " + probe.service);
    co_return co_await plain(limit);
  }

  std::uint32_t http_status = 200;
  std::string http_body;
  bool refuses = false;
  bool hangs = false;
  Duration answer_time = std::chrono::milliseconds(1);
  std::vector<std::string> asked;

 private:
  Async<Result<void>> plain(Duration limit) {
    const bool slept = co_await loop_.sleep(hangs ? limit : answer_time);
    if (!slept) co_return fail(Code::cancelled, "cancelled");
    if (hangs) co_return fail(Code::timeout, "no answer within its timeout");
    if (refuses) co_return fail(Code::unavailable, "connection refused");
    co_return Result<void>();
  }

  Loop& loop_;
};

}  // namespace drover::agent
