#pragma once

namespace drover::rpc {

enum class LogLevel : unsigned char { debug, info, error };

/// Where gRPC's own messages go (by default: standard error). Process-wide; set it before any call. From any thread.
void set_log(void (*sink)(LogLevel level, const char* message));

}  // namespace drover::rpc
