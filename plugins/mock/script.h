#pragma once

#include <drover/config.h>
#include <drover/result.h>

#include <chrono>
#include <map>
#include <string>

/// The scripted life of a mock task, as its job writes it.
namespace drover::mock {

using Duration = std::chrono::nanoseconds;

/// "1m30s", "250ms", "0": Go's way to write durations.
Result<Duration> parse_duration(const std::string& text);

/// What a task prints on one of its streams.
struct Output {
  std::string text;
  int repeat = 0;    ///< further times
  Duration every{};  ///< between two of them
};

struct Script {
  std::string start_error;
  bool start_error_recoverable = false;
  std::string start_block_for;
  std::string run_for;     ///< empty: ends at once
  std::string kill_after;  ///< how long it goes on when asked to stop
  int exit_code = 0;
  int exit_signal = 0;
  std::string exit_err_msg;
  std::string signal_error;
  std::string plugin_exit_after;  ///< the driver's own process ends then: a crash
  std::string driver_ip;
  bool driver_advertise = false;
  std::string driver_port_map;  ///< "label:port"
  std::string stdout_string;
  int stdout_repeat = 0;
  std::string stdout_repeat_duration;
  std::string stderr_string;
  int stderr_repeat = 0;
  std::string stderr_repeat_duration;

  static void describe(sdk::Fields<Script>& fields);
  Result<void> check() const;

  // Valid after check().
  Duration start_delay() const;
  Duration run_time() const;
  Duration kill_time() const;
  Output out() const;
  Output err() const;
};

}  // namespace drover::mock
