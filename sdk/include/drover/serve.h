#pragma once

#include <string_view>

#include <drover/driver.h>

namespace drover {

/// Serves a driver to the agent that launched this program; the whole body of a driver's main():
///
///   int main() {
///     MyDriver driver;
///     return drover::serve(driver);
///   }
///
/// Returns the exit status when the agent asks it to end; running tasks go on. Run by hand, it explains itself on
/// stderr and returns 1. Standard output belongs to the handshake: print to standard error, better use log().
int serve(sdk::Driver& driver);

namespace sdk {

enum class Level : unsigned char { trace, debug, info, warn, error };

/// A line in the agent's log. From any thread.
void log(Level level, std::string_view message);

}  // namespace sdk
}  // namespace drover
