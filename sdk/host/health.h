#pragma once

#include <drover/result.h>

#include <string>
#include <string_view>

#include "base/loop/async.h"
#include "base/loop/loop.h"
#include "base/rpc/client.h"

namespace drover::host {

/// Asks the standard health service of gRPC (grpc.health.v1) about `service`; "" asks about the whole process. Fine when it
/// says SERVING; `unavailable` with its word otherwise, or how the call failed. `channel` outlives the call.
Async<Result<void>> check_health(Loop& loop, rpc::Channel& channel, std::string service, Duration limit);

/// The same for who carries the messages another way: the request as bytes, and what the response's bytes say.
std::string health_request(std::string service);
Result<void> judge_health_response(std::string_view bytes);

}  // namespace drover::host
