#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/loop/time.h"
#include "model/fwd.h"

/// What happens after something has ended: restarts on the agent, rescheduling on the server. Pure, any thread.
namespace drover::model {

// Restarting a task in its place.

enum class Ended : std::uint8_t {
  success,       ///< exit 0, no signal
  failure,       ///< any other exit, or a start that may succeed another time
  fatal,         ///< a start that never can succeed
};

/// How often a task has ended in the interval that is running; remembered by its runner. Copies are cheap.
struct RestartHistory {
  std::int64_t count = 0;         ///< ends in this interval that asked for a restart
  std::optional<Instant> since;   ///< when it began
  friend bool operator==(const RestartHistory&, const RestartHistory&) = default;
};

struct Finish {  ///< done: it is not run again
  friend bool operator==(const Finish&, const Finish&) = default;
};
struct RestartAfter {
  Duration delay{};
  std::string reason;  ///< as the event shows it
  friend bool operator==(const RestartAfter&, const RestartAfter&) = default;
};
struct GiveUp {  ///< it has failed for good
  std::string reason;
  friend bool operator==(const GiveUp&, const GiveUp&) = default;
};
using RestartDecision = std::variant<Finish, RestartAfter, GiveUp>;

/// Whether a task that ended well is to be started again.
enum class AfterSuccess : std::uint8_t { restart, finish };
/// By job type and life cycle: services and side cars go on, batch work and what runs before or after is done.
AfterSuccess after_success(const Job& job, const Task& task);

/// What to do after a start has failed or the task has exited. A service that ends well too often has failed as well.
/// `jitter` in [0, 1) stretches the delay by up to a quarter, so that crowds do not come back at once. The decision is
/// recorded in `history`.
RestartDecision after_exit(const RestartPolicy& policy, AfterSuccess on_success, Ended ended, Instant now, double jitter,
                           RestartHistory& history);

// Rescheduling: another allocation, usually on another node.

struct RescheduleTime {
  Instant at;      ///< not before
  Duration delay;  ///< what the policy asked for; recorded in the tracker
};

/// Whether the policy reschedules at all.
bool reschedules(const ReschedulePolicy& policy);

/// How long what failed on a node is left alone there, longer each time. System jobs have no policy of their own for it;
/// without one, whatever touches a node would start a broken allocation on it anew.
const ReschedulePolicy& system_reschedule_policy();

/// When the failed allocation may be replaced; nothing when its attempts are used up.
std::optional<RescheduleTime> next_reschedule(const ReschedulePolicy& policy, const RescheduleTracker& tracker, Instant failed_at);

/// What the replacement remembers: the events that still count, and this one.
RescheduleTracker tracker_after(const ReschedulePolicy& policy, const RescheduleTracker& tracker, const std::string& alloc_id,
                                const std::string& node_id, Duration delay, Instant now);

/// When its tasks ended (the last of them), or the time it was changed when it has no such time.
Instant failed_at(const Allocation& alloc);

}  // namespace drover::model
