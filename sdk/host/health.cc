#include "sdk/host/health.h"

#include "sdk/proto/health.pb.h"

namespace drover::host {

namespace wire = grpc::health::v1;

Async<Result<void>> check_health(Loop& loop, rpc::Channel& channel, std::string service, Duration limit) {
  wire::HealthCheckRequest request;
  request.set_service(std::move(service));
  rpc::CallOptions options{.deadline = limit, .wait_for_ready = false};
  const auto [status, response] =
      co_await rpc::call<wire::HealthCheckResponse>(channel, loop, "/grpc.health.v1.Health/Check", std::move(request), options);
  if (!status.ok()) co_return rpc::error_of(status);
  if (response.status() == wire::HealthCheckResponse::SERVING) co_return Result<void>();
  co_return fail(Code::unavailable, "it answers {}", wire::HealthCheckResponse::ServingStatus_Name(response.status()));
}

}  // namespace drover::host
