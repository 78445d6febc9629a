#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/loop/time.h"
#include "model/fwd.h"
#include "server/scheduler/existing.h"

/// What has to change so that a job runs as it should: which allocations stop, stay, are updated or are still missing.
/// Where the missing ones go is not decided here. Pure.
namespace drover::model {
class DeploymentState;
}

namespace drover::server {

/// What a node means for the allocations on it.
enum class NodeState : std::uint8_t {
  fine,          ///< keeps what it has
  down,          ///< or gone: what it had is lost
  disconnected,  ///< may come back
};

/// An allocation that is to be placed.
struct Missing {
  std::uint32_t index = 0;                  ///< in name[index]
  const ExistingAlloc* previous = nullptr;  ///< what it replaces
  std::string_view stop_text;               ///< with `previous`: it is stopped with this description once there is a place
  bool previous_stops = false;              ///< `previous` is stopped whether there is a place or not (already in `stops`)
  bool destructive = false;                 ///< an update of `previous`
  bool canary = false;                      ///< has to prove the new version, beside what runs
  bool keeps_version = false;               ///< takes the place of `previous`, an older version, which canaries are to replace
  bool rescheduled = false;                 ///< `previous` failed: the tracker goes on, its nodes are avoided
  Duration reschedule_delay{};
};

struct Stopping {
  const ExistingAlloc* alloc = nullptr;
  std::string_view text;
  std::string_view client_status;  ///< "lost", or "" to leave it
};

struct Later {
  const ExistingAlloc* alloc = nullptr;
  Instant at{};
};

struct Tally {
  std::uint64_t ignore = 0;
  std::uint64_t place = 0;
  std::uint64_t migrate = 0;
  std::uint64_t stop = 0;
  std::uint64_t in_place = 0;
  std::uint64_t destructive = 0;
  std::uint64_t reschedule_now = 0;
  std::uint64_t reschedule_later = 0;
  std::uint64_t canary = 0;
  friend bool operator==(const Tally&, const Tally&) = default;
};

struct GroupChanges {
  std::vector<Missing> missing;  ///< destructive updates first
  std::vector<Stopping> stops;
  std::vector<const ExistingAlloc*> in_place;
  std::vector<Later> later;
  Tally tally;
  /// The group's part of the deployment where it is new or changes; null: it stays, or there is none.
  std::shared_ptr<const model::DeploymentState> rollout;
  bool settled = true;  ///< nothing is left to do for a deployment
};

struct ReconcileRequest {
  const model::Job* job = nullptr;  ///< the current version; null when purged. A stopped job wants nothing
  std::string_view group;
  std::vector<const ExistingAlloc*> allocs;  ///< of the group
  std::function<NodeState(const ExistingAlloc&)> node_state;
  /// Whether the node would still be chosen for the group: asked before an update in place.
  std::function<bool(const ExistingAlloc&)> still_allowed;
  /// That of the job's current version, while it goes on or has failed; null when there is none.
  const model::Deployment* deployment = nullptr;
  Uuid eval;
  Instant now{};
};

/// For service and batch jobs.
GroupChanges reconcile(const ReconcileRequest& request);

constexpr std::string_view text_not_needed = "alloc not needed due to job update";
constexpr std::string_view text_migrating = "alloc is being migrated";
constexpr std::string_view text_updating = "alloc is being updated due to job update";
constexpr std::string_view text_lost = "alloc is lost since its node is down";
constexpr std::string_view text_tainted = "alloc not needed as node is tainted";
constexpr std::string_view text_rescheduled = "alloc was rescheduled because it failed";

}  // namespace drover::server
