#pragma once

#include <drover/result.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "conformance/bench.h"

namespace drover::conformance {

enum class Level : std::uint8_t { core, process, exec, network, isolation };
enum class Must : std::uint8_t { must, should };

/// What a check needs of the driver or its fixture; without it the check is skipped, and says so.
enum Need : unsigned {
  nothing = 0,
  tasks = 1,       ///< a fixture that can start something
  shell = 2,       ///< a fixture that can run scripts
  signals = 4,     ///< the capability send_signals
  exec = 8,        ///< the capability exec
  networks = 16,   ///< the capability must_create_network
  missing = 32,    ///< the fixture's `missing`
  invalid = 64,    ///< the fixture's `invalid`
  host_files = 128,  ///< fs_isolation none: the task sees the host's processes and files
};

/// One sentence of the specification, and what proves it. `run` returns an error that says what was seen instead.
struct Check {
  std::string id;
  Level level;
  Must must;
  unsigned needs;
  std::string clause;
  std::function<Result<void>(Bench& bench)> run;
};

std::vector<Check> handshake_checks();
std::vector<Check> process_checks();
std::vector<Check> base_checks();
std::vector<Check> driver_checks();
std::vector<Check> start_checks();
std::vector<Check> wait_checks();
std::vector<Check> stop_checks();
std::vector<Check> look_checks();
std::vector<Check> output_checks();
std::vector<Check> exec_checks();
std::vector<Check> exec_stream_checks();
std::vector<Check> recovery_checks();
std::vector<Check> network_checks();
std::vector<Check> hostile_checks();

/// All, in the order in which they run and are listed.
std::vector<Check> all_checks();

const char* to_text(Level level);
const char* to_text(Must must);

/// In a check: what must hold, or what was seen instead.
#define EXPECT(condition, ...)                                                  \
  do {                                                                          \
    if (!(condition)) return ::drover::fail(::drover::Code::invalid, __VA_ARGS__); \
  } while (false)

}  // namespace drover::conformance
