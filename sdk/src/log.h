#pragma once

#include <string>
#include <string_view>

#include <drover/serve.h>

/// Log lines as the host reads them: one JSON object a line on standard error. A host that has gone away is ignored.
namespace drover::sdk {

inline constexpr std::size_t log_line_max = 60'000;  ///< bytes; hosts cut at 64 KiB

/// What `module` the lines name: the driver.
void set_log_module(std::string name);

/// The line, without its end: pure, for tests.
std::string log_line(Level level, std::string_view message, std::string_view module, Instant at);

/// Sends gRPC's own messages the same way, warnings and errors only.
void route_grpc_log();

}  // namespace drover::sdk
