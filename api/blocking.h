#pragma once

#include <functional>
#include <optional>

#include "api/params.h"
#include "base/http/types.h"
#include "base/loop/loop.h"

namespace drover::api {

/// What a read finds at one moment: its index, the state it was read from, and how to make the answer, which is done
/// only when the answer is sent.
struct Found {
  Index index = 0;  ///< of the result, for X-Nomad-Index
  Index seen = 0;   ///< of the whole state
  std::function<http::Response()> build;
  std::optional<http::Response> refusal;  ///< instead of all that: sent as it is
};

/// Reads the newest state.
using ReadNow = std::function<Found()>;
/// Until something this read depends on has changed after `seen`, or `limit` has passed. False: give up (cancelled, or
/// the server is stopping).
using WaitPast = std::function<Async<bool>(Index seen, Duration limit)>;

/// Answers a read: at once, or when its index has passed `params.index`, or after `params.wait` plus `jitter`
/// (at most wait/16, so that many clients do not come back at once); then with the headers of a read, unless it was
/// refused.
Async<http::Response> answer_read(Params params, Duration jitter, Loop& loop, ReadNow read, WaitPast wait);

/// A share of wait/16; `unit` is in [0, 1).
Duration jitter_of(Duration wait, double unit);

}  // namespace drover::api
