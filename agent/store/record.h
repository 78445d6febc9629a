#pragma once

#include <drover/result.h>

#include <string>
#include <string_view>

#include "agent/store/agent_store.h"

namespace drover::agent {

/// The bytes of a task as the store keeps them, and back: the only two functions between the two.
std::string to_record(const StoredTask& task);
/// `internal` when the bytes are no such record.
Result<StoredTask> from_record(std::string_view bytes);

}  // namespace drover::agent
