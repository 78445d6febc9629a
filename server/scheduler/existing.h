#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/loop/random.h"
#include "model/fit.h"
#include "model/fwd.h"
#include "server/state/alloc/row.h"
#include "server/state/types.h"

namespace drover::server {

/// An allocation of the job that is being scheduled, as far as scheduling looks at it.
struct ExistingAlloc {
  Uuid id;
  Uuid node;
  std::string group;
  std::uint32_t index = 0;  ///< the number in name[number]
  DesiredStatus desired = DesiredStatus::run;
  ClientStatus client = ClientStatus::pending;
  Transitions transitions;
  Uuid deployment;                   ///< that it was placed by; nil: none
  Health health = Health::unknown;
  bool canary = false;
  Uuid next;           ///< what has replaced it
  Uuid followup_eval;
  bool current = true;                     ///< belongs to the current version of the job
  std::shared_ptr<const model::Job> job;   ///< its own version; null when that is the current one
  model::Capacity takes;
  std::vector<std::uint16_t> ports;
  /// Without its job: there for those that failed (without metrics) or are of an older version, else null.
  std::shared_ptr<const model::Allocation> message;

  bool server_terminal() const { return desired != DesiredStatus::run; }
  bool client_terminal() const {
    return client == ClientStatus::complete || client == ClientStatus::failed || client == ClientStatus::lost;
  }
};

}  // namespace drover::server
