#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/services/address.h"
#include "base/loop/time.h"

/// Health checks of services: what they are, and what follows from what they find. Decisions over values.
namespace drover::agent {

enum class CheckType : std::uint8_t { http, tcp, grpc, script };
enum class CheckStatus : std::uint8_t { pending, success, failure };

/// "pending", "success", "failure": the API's words.
const char* to_text(CheckStatus status);

struct CheckSpec {
  std::string id;  ///< 64 hex digits, the same for the same check of the same allocation
  std::string name;
  std::string service;
  std::string task;  ///< of a task's service, or where a script runs; ""
  CheckType type = CheckType::http;
  Endpoint endpoint;
  std::string path;
  bool tls = false;  ///< https, or gRPC over TLS
  bool tls_skip_verify = false;
  std::string tls_server_name;
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string grpc_service;
  std::vector<std::string> command;
  Duration interval = 10s;
  Duration timeout = 2s;
  bool passing_at_first = false;  ///< initial_status
  bool readiness = false;         ///< on_update = "ignore": says nothing of health
  bool warnings_pass = false;     ///< on_update = "ignore_warnings": a warning is good enough for health
  std::int64_t passes_needed = 1;    ///< in a row, before it is a success
  std::int64_t failures_needed = 1;  ///< in a row, before it is a failure
  std::int64_t restart_limit = 0;  ///< failures in a row after which the task is restarted; 0 = never
  Duration restart_grace = 1s;
  bool restart_ignores_warnings = false;

  friend bool operator==(const CheckSpec&, const CheckSpec&) = default;
};

/// What one run of a check found.
struct CheckOutcome {
  enum class Kind : std::uint8_t { passed, warned, failed } kind = Kind::failed;
  std::int64_t code = 0;  ///< of HTTP, or the exit code of a script
  std::string output;     ///< at most check_output_max
};

constexpr std::size_t check_output_max = 3 * 1024;

/// A check from the start of what it checks on.
struct CheckState {
  CheckStatus status = CheckStatus::pending;
  std::int64_t code = 0;
  std::string output;
  bool warned = false;   ///< the last run warned, which is a success to those who look for the service
  Instant at{};          ///< when the status was found
  Duration began{};      ///< uptime of the first run
  std::int64_t passes = 0;    ///< in a row
  std::int64_t failures = 0;  ///< in a row
  std::int64_t restart_failures = 0;  ///< in a row, after the grace
};

/// Until it has passed once, a check of what has just started is tried in short steps, and its failures do not count.
constexpr Duration check_start_step = 1s;

/// Does a failure still mean "has not come up yet"?
bool is_starting(const CheckSpec& spec, const CheckState& state, Duration uptime);

/// The next run comes so long after the end of this one.
Duration wait_after(const CheckSpec& spec, const CheckState& state, Duration uptime);

/// Does it speak for the health of the allocation?
bool good_for_health(const CheckSpec& spec, const CheckState& state);

/// Takes in a run. True when the task is to be restarted because of it; counting begins anew then.
bool take(const CheckSpec& spec, CheckState& state, CheckOutcome outcome, Instant now, Duration uptime);

}  // namespace drover::agent
