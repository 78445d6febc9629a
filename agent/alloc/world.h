#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/drivers/drivers.h"
#include "agent/files/task_files.h"
#include "agent/probe.h"
#include "agent/settings.h"
#include "agent/store/agent_store.h"
#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "base/loop/signal.h"
#include "model/fwd.h"

namespace drover::agent {

/// What all runners of an agent share; outlives them.
struct World {
  Loop& loop;
  Random& random;
  Drivers& drivers;
  AgentStore& store;
  TaskFiles& files;
  Probe& probe;
  const Settings& settings;
  Signal& drivers_changed;   ///< notified when any driver's status has changed
  Signal& server_contacted;  ///< notified when the server's wishes have first arrived
  bool& has_contact;
  Signal& told;  ///< notified when the server has stored what it was told
  /// The server has stored all that is known of the allocation, or cannot be reached.
  std::function<bool(const std::string& alloc_id)> is_told;
  std::function<std::shared_ptr<const model::Node>()> node;
  Log log;
};

}  // namespace drover::agent
