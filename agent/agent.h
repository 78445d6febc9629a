#pragma once

#include <memory>
#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/settings.h"
#include "base/http/types.h"
#include "base/log/log.h"
#include "base/loop/async.h"
#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "model/fwd.h"

namespace drover {
class Workers;
}

namespace drover::agent {

class AgentStore;
class Drivers;
class HostFacts;
class Probe;
class ServerLink;
class TaskFiles;

/// The world of an agent: each part outlives it.
struct Parts {
  Loop& loop;
  Random& random;
  Drivers& drivers;
  AgentStore& store;
  TaskFiles& files;
  HostFacts& facts;
  Probe& probe;
  ServerLink& servers;
  Workers& workers;  ///< for slow looks at files
  Log log;
};

/// The role that runs tasks: keeps a session with a server, makes what runs here equal to what it wants, and tells
/// what became of it. All on its loop.
///
///   Agent agent(parts, settings);
///   DROVER_CO_TRY(co_await agent.start());   // everything that ran is looked after again; then the session starts
///   …
///   co_await agent.stop();                   // detaches: tasks run on
///
/// To crash it (the simulator), crash its loop, then destroy it.
class Agent {
 public:
  Agent(Parts parts, Settings settings);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  /// Completes when every remembered task has been adopted, or found to be gone, and the agent is ready to answer.
  /// Fails only when it cannot work at all (its store cannot be read or written).
  Async<Result<void>> start();

  /// Ends everything that is in memory; tasks go on, and a later agent with the same store adopts them.
  Async<void> stop();

  /// Ends every allocation, deletes what is of it, and shuts the drivers down: how -dev ends.
  Async<void> end();

  /// Answers /v1/client/…, here or through a tunnel.
  Async<http::Response> handle(http::Request request);

  const std::string& node_id() const;
  /// The newest node message: attributes, resources, drivers.
  std::shared_ptr<const model::Node> node() const;
  /// What is known of each allocation here, sorted by id.
  std::vector<std::shared_ptr<const model::AllocStatus>> statuses() const;
  /// Connected to a server that has welcomed this agent.
  bool connected() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drover::agent
