#pragma once

#include <string>
#include <string_view>

#include <drover/result.h>

#include "agent/store/agent_store.h"

/// The only two functions between a StoredTask and the bytes on disk.
namespace drover::agent {

std::string write_stored_task(const StoredTask& task);
Result<StoredTask> read_stored_task(std::string_view bytes);

}  // namespace drover::agent
