#pragma once

#include <string_view>

#include "server/state/snapshot.h"

namespace drover::server {

/// Whether there is a pool of that name: the built-in ones, and those that a node is in.
bool has_node_pool(const Snapshot& state, std::string_view name);

}  // namespace drover::server
