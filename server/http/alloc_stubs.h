#pragma once

#include <vector>

#include "base/http/types.h"
#include "server/state/snapshot.h"

namespace drover::server {

/// What lists of allocations may show besides the usual.
struct StubOptions {
  bool task_states = true;
  bool resources = false;
};

/// An allocation in full, as it is shown: with its job, and its resources in the old form too.
model::Allocation shown_alloc(const Snapshot& state, const AllocRow& row);

/// What lists show of an allocation, as JSON.
void append_stub(std::string& out, const Snapshot& state, const AllocRow& row, StubOptions options);

/// The stubs of these rows of `state` as a JSON list, made one by one while it is written.
http::Response alloc_list(const SnapshotPtr& state, std::vector<const AllocRow*> rows, StubOptions options, bool pretty);

}  // namespace drover::server
