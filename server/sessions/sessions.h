#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/log/log.h"
#include "base/loop/duplex.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "server/commands/turns.h"

namespace drover::server {

using AgentLink = Duplex<model::ToAgent, model::FromAgent>;

constexpr std::size_t removed_max = 65536;  ///< forgotten allocations that agents which come back are told of
constexpr Duration hello_max = 10s;  ///< how long a new link may stay silent

/// The agents that are connected: their nodes are registered, their allocations pushed as they change, their statuses
/// made into commands, one for all agents of a turn. On the loop.
class Sessions {
 public:
  struct Parts {
    Loop& loop;
    Turns& turns;
    const ServerConfig& config;
    Log log;
    std::function<Duration(const Uuid& node)> promise;  ///< how long the node may be silent, at the start of a session
    std::function<void(const Uuid& node)> heard;        ///< any message of a node
  };
  explicit Sessions(Parts parts);

  /// Serves an agent until its link ends.
  void accept(std::unique_ptr<AgentLink> link);
  Async<void> stop();

  bool is_connected(const Uuid& node) const { return sessions_.contains(node); }
  /// Says something to the agent of a node; `not_found` when it has no session.
  Result<void> send(const Uuid& node, const model::ToAgent& message);

 private:
  using VersionKey = std::tuple<std::string, std::string, std::uint64_t, Index>;  ///< namespace, id, version, create index
  struct Session {
    std::unique_ptr<AgentLink> link;
    Uuid node;
    std::string secret;
    std::shared_ptr<const model::Node> said;  ///< the node as the agent described it last
    std::set<VersionKey> jobs;                ///< job versions that were sent
    Index have_index = 0;                     ///< what the agent knew when the session began
    bool ready = false;                       ///< welcomed: changes are pushed
  };
  using SessionPtr = std::shared_ptr<Session>;
  struct Reported {
    SessionPtr session;
    std::uint64_t sequence = 0;
  };

  Async<void> serve(SessionPtr session);
  Async<Result<void>> greet(SessionPtr session);
  Async<Result<void>> register_node(SessionPtr session);
  Async<Result<void>> take(SessionPtr session, model::FromAgent message);
  void report(SessionPtr session, model::AllocStatuses statuses);
  void submit_reports();
  void refuse(Session& session, const Error& why);
  void end(Session& session, const std::string& why);

  void published(const SnapshotPtr& state, const Effects& effects, bool anew);
  void note_removed(const Snapshot& before, const Effect& effect);
  void push_all(Session& session);
  /// What has changed since the agent knew everything; the full set when that cannot be told.
  void push_since(Session& session, Index known);
  void push(Session& session, model::ToAgent message);
  void add_alloc(Session& session, const Snapshot& state, const AllocRow& row, model::DesiredAllocs& to);

  Parts parts_;
  std::map<Uuid, SessionPtr> sessions_;
  /// An allocation that was forgotten, and where it was.
  struct Removed {
    Index index = 0;
    Uuid node;
    Uuid alloc;
  };
  std::deque<Removed> removed_;
  Index removed_since_ = 0;  ///< all that were forgotten after this index are in removed_
  SnapshotPtr before_;       ///< what was published before
  std::map<Uuid, Uuid> told_;  ///< allocation → the connected node that was told of it
  std::vector<std::shared_ptr<const model::AllocStatuses>> gathered_;
  std::vector<Reported> reporters_;
  bool submitted_ = false;
  Scope scope_;
};

}  // namespace drover::server
