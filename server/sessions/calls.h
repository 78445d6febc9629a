#pragma once

#include "model/fwd.h"
#include "server/state/snapshot.h"

namespace drover::server {

/// Answers a unary request of an agent from a published state. The caller must be a node with its own secret; an
/// unknown method is `unsupported`. Pure.
///
/// Alloc.Get: body is the id of an allocation of that node; the answer is the Allocation with its job.
model::CallResponse answer_call(const Snapshot& state, const model::CallRequest& request);

}  // namespace drover::server
