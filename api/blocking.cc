#include "api/blocking.h"

#include "api/answer.h"

namespace drover::api {

constexpr int jitter_share = 16;

Duration jitter_of(Duration wait, double unit) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(wait.count() / jitter_share) * unit));
}

Async<http::Response> answer_read(Params params, Duration jitter, Loop& loop, ReadNow read, WaitPast wait) {
  const Duration deadline = loop.uptime() + params.wait + jitter;
  Found found = read();
  while (params.index != 0 && !found.refusal && found.index <= params.index) {
    const Duration left = deadline - loop.uptime();
    if (left <= 0s) break;
    found.build = nullptr;  // a parked query holds no old state
    const bool go_on = co_await wait(found.seen, left);
    found = read();
    if (!go_on) break;
  }
  if (found.refusal) co_return std::move(*found.refusal);
  http::Response response = found.build();
  const bool refused = response.status >= 400 && response.status != 404;
  if (!refused) set_index(response, found.index);
  co_return response;
}

}  // namespace drover::api
