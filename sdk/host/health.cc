#include "sdk/host/health.h"

#include "sdk/proto/health.pb.h"

namespace drover::host {

namespace wire = grpc::health::v1;

namespace {

Result<void> judge(const wire::HealthCheckResponse& response) {
  if (response.status() == wire::HealthCheckResponse::SERVING) return {};
  return fail(Code::unavailable, "it answers {}", wire::HealthCheckResponse::ServingStatus_Name(response.status()));
}

}  // namespace

Async<Result<void>> check_health(Loop& loop, rpc::Channel& channel, std::string service, Duration limit) {
  wire::HealthCheckRequest request;
  request.set_service(std::move(service));
  rpc::CallOptions options{.deadline = limit, .wait_for_ready = false};
  const auto [status, response] =
      co_await rpc::call<wire::HealthCheckResponse>(channel, loop, "/grpc.health.v1.Health/Check", std::move(request), options);
  if (!status.ok()) co_return rpc::error_of(status);
  co_return judge(response);
}

std::string health_request(std::string service) {
  wire::HealthCheckRequest request;
  request.set_service(std::move(service));
  return request.SerializeAsString();
}

Result<void> judge_health_response(std::string_view bytes) {
  wire::HealthCheckResponse response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return fail(Code::unavailable, "its answer cannot be parsed");
  return judge(response);
}

}  // namespace drover::host
