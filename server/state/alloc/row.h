#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop/random.h"
#include "model/fit.h"
#include "model/fwd.h"
#include "server/state/types.h"

namespace drover::server {

/// A tri-state wish of DesiredTransition.
enum class Wish : std::uint8_t { unset, no, yes };

/// Whether an allocation has come to work as it should: what its agent has found out, or somebody has said.
enum class Health : std::uint8_t { unknown, healthy, unhealthy };

struct Transitions {
  Wish migrate = Wish::unset;
  Wish reschedule = Wish::unset;
  Wish force_reschedule = Wish::unset;
  Wish no_shutdown_delay = Wish::unset;
  Wish migrate_disable_placement = Wish::unset;
  friend bool operator==(const Transitions&, const Transitions&) = default;
};

/// What allocations of one group and job version were given, without what differs from one to the next (ports and
/// address). Shared by all of them.
struct ResourceShape {
  model::Capacity capacity;          ///< what placement counts
  std::vector<std::uint64_t> cores;  ///< reserved, of all tasks, ascending
  bool has_devices = false;
  bool has_ports = false;  ///< of its own: they did not fit into the row
  std::string bytes;  ///< an AllocatedResources message with ports and addresses left out
};

/// What few allocations have.
struct AllocRest {
  Uuid previous;
  Uuid next;
  Uuid followup_eval;
  bool has_reschedule_tracker = false;
  std::string bytes;  ///< an Allocation message with all fields that have no place of their own in the row
};

/// An allocation as the server keeps it. Numbers are of the state that holds the row (Snapshot resolves them).
struct AllocRow {
  Uuid id;
  RowNumber job = 0;      ///< the job's name
  RowNumber version = 0;  ///< the job version it belongs to
  RowNumber node = 0;
  RowNumber eval = 0;
  RowNumber deployment = 0;
  std::uint32_t name_index = 0;  ///< the number in name[number]
  std::uint16_t group = 0;       ///< position in the version's task_groups
  DesiredStatus desired = DesiredStatus::run;
  ClientStatus client = ClientStatus::pending;
  Transitions transitions;
  bool host_network = false;      ///< its network status is there, and empty
  std::uint8_t desired_text = 0;  ///< known descriptions by number; others are in `rest`
  std::uint8_t client_text = 0;
  Health health = Health::unknown;  ///< of the deployment status, which is in `rest`
  bool canary = false;              ///< likewise
  Index create_index = 0;
  Index modify_index = 0;
  Index alloc_modify_index = 0;  ///< the last change by the server's side; a status of the agent does not move it
  std::int64_t create_time = 0;
  std::int64_t modify_time = 0;
  std::string net;          ///< ports and address, packed: see ports_of() and address_of()
  std::string task_states;  ///< an AllocStatus message holding only task_states
  std::shared_ptr<const ResourceShape> shape;       ///< null: none were given
  std::shared_ptr<const model::AllocMetric> metrics;  ///< one for all of a plan's group; null: none
  std::shared_ptr<const AllocRest> rest;            ///< null for most

  bool server_terminal() const { return desired != DesiredStatus::run; }
  bool client_terminal() const {
    return client == ClientStatus::complete || client == ClientStatus::failed || client == ClientStatus::lost;
  }
  bool terminal() const { return server_terminal() || client_terminal(); }

  Uuid previous() const { return rest ? rest->previous : Uuid{}; }
  Uuid next() const { return rest ? rest->next : Uuid{}; }
  Uuid followup_eval() const { return rest ? rest->followup_eval : Uuid{}; }
};

/// The host ports this allocation holds (each once, ascending), and the address they are on ("" when unknown).
std::vector<std::uint16_t> ports_of(const AllocRow& row);
std::string_view address_of(const AllocRow& row);

/// A host port that an allocation holds.
struct HeldPort {
  std::string address;
  std::uint16_t port = 0;
  friend auto operator<=>(const HeldPort&, const HeldPort&) = default;
};
std::vector<HeldPort> ports_held(const AllocRow& row);  ///< each once, in order

/// What a row cannot say itself: the ids behind its numbers, and its job version.
struct AllocNames {
  Uuid node;
  Uuid eval;
  Uuid deployment;
  std::string_view node_name;
  JobKey job_key;
  const model::Job* job = nullptr;  ///< the version; null only for rows whose version is unknown
};

/// The only two functions between row and message. The message is without its job and its resources of old style.
/// `from_message` leaves numbers (job, version, node, eval, deployment), `shape` and `metrics` to the state, which
/// shares them: `shape_of` gives the shape to look up.
AllocRow from_message(const model::Allocation& alloc, const model::Job* job);
model::Allocation to_message(const AllocRow& row, const AllocNames& names);

/// The shape of what a message was given; null when it was given nothing.
std::shared_ptr<const ResourceShape> shape_of(const model::Allocation& alloc);

}  // namespace drover::server
