#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/fit.h"
#include "server/broker/eval_broker.h"
#include "server/state/snapshot.h"

namespace drover::server {

/// Evaluations that found no place for all they wanted, and the nodes that have got room since: each is tried again as
/// soon as a node has room for one of its groups, and not before.
///
/// Room is promised to the most urgent first, so that one freed slot wakes one evaluation and not all; what the woken
/// one does not take is offered to the next once it has been tried. A plain value machine on the server loop.
class BlockedEvals {
 public:
  /// Takes a blocked evaluation, as of the snapshot it was made on. At most one of a job: the one that has to go, this
  /// or the one before, is returned.
  EvalPtr block(EvalPtr eval, const Snapshot& state);
  /// The evaluation is done, or not blocked any more.
  void forget(const Uuid& id);
  void clear();

  /// The node has got room, or become able to take allocations, with this command.
  void freed(const Uuid& node, Index index);
  /// A woken evaluation has been tried.
  void tried(const Uuid& id);

  /// Those that are to be tried now. They stay known until they are blocked again or forgotten.
  std::vector<EvalPtr> wake(const Snapshot& state);
  /// Those that ran out of attempts: to be tried once in a while.
  std::vector<EvalPtr> out_of_attempts() const;

  std::size_t size() const { return blocked_.size(); }
  /// False once another of the same job has taken its place.
  bool holds(const Uuid& id) const { return blocked_.contains(id); }

 private:
  struct Blocked {
    EvalPtr eval;
    Index seen = 0;                      ///< the snapshot it has been tried on
    std::vector<model::Capacity> asks;   ///< of the groups that found no place; empty: not known
    bool trying = false;
  };

  /// What nodes have left beside what is promised; worked out once a node while evaluations are woken.
  using Rooms = std::map<Uuid, model::Capacity>;

  model::Capacity& room_on(const Uuid& node, const Snapshot& state, Rooms& rooms) const;
  bool could_use(const Blocked& blocked, const Snapshot& state, const Uuid& node, Rooms& rooms, model::Capacity& takes) const;
  std::optional<Uuid> find_room(const Blocked& blocked, const Snapshot& state, Rooms& rooms, model::Capacity& takes) const;

  std::map<Uuid, Blocked> blocked_;
  std::map<JobKey, Uuid> by_job_;
  std::map<Uuid, Index> freed_nodes_;
  std::set<std::pair<Index, Uuid>> freed_order_;
  std::map<Uuid, std::pair<Uuid, model::Capacity>> promised_;  ///< evaluation → node and what it was woken for
};

}  // namespace drover::server
