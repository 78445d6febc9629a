#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/alloc/alloc_runner.h"
#include "agent/alloc/reconcile.h"
#include "agent/host_facts.h"
#include "agent/http/client_api.h"
#include "agent/session/desired.h"
#include "agent/session/outbox.h"
#include "agent/session/session_client.h"
#include "model/proto/session.pb.h"

namespace drover::agent {

/// What an Agent is made of; see agent.h for what it promises. On its loop.
struct Agent::State final : SessionOwner, ClientApi::Owner {
  State(Parts its_parts, Settings its_settings);
  ~State() override;

  Async<Result<void>> start();
  Async<void> stop();
  Async<void> end();

  // Of a session.
  model::Hello hello() override;
  void session_began() override;
  void session_lost() override;
  Result<void> take(const model::DesiredAllocs& message) override;
  void take(const model::StatusesStored& message) override;
  void take(const model::OpenTunnel& message) override;

  // Of the HTTP side.
  AllocRunner* find_alloc(const std::string& id) override;
  Result<void> collect(const std::string& id) override;
  void collect_all() override;

  Async<Result<void>> remember();
  Async<void> adopt_all();
  void carry_out(const Actions& actions);
  void add_alloc(const std::string& id);
  void begin_removing(const std::string& id);
  Async<void> remove_alloc(std::string id);
  LocalAllocs local_allocs() const;

  void alloc_changed(const AllocRunner& runner);
  bool is_told(const std::string& id) const;
  std::shared_ptr<const model::AllocStatus> news_of(const AllocRunner& runner);
  Async<void> tell_soon();
  Async<void> tell_later();
  void tell_now();

  void node_changed();
  Async<void> tell_node();
  void rebuild_node();
  Async<void> look_at_host();
  Async<void> collect_regularly();
  void collect_garbage(bool all);

  Parts parts;
  Settings settings;
  Signal drivers_changed;
  Signal server_contacted;
  Signal statuses_told;
  bool has_contact = false;
  World world;

  StoredNode identity;
  std::map<std::string, std::string> dynamic_meta;
  HostReport host;
  std::shared_ptr<const model::Node> node;

  Desired desired;
  Outbox outbox;
  std::map<std::string, std::unique_ptr<AllocRunner>> runners;
  std::set<std::string> removing;
  std::set<std::string> gone;               ///< deleted or never run here, though the server still lists them
  std::map<std::string, std::string> told;  ///< the last urgent part of each status
  std::set<std::string> changed;            ///< allocations whose status is to be told
  std::map<std::string, std::string> told_services;  ///< what was said of services in this session, as bytes
  bool tell_planned = false;
  bool tell_later_planned = false;
  bool node_planned = false;
  bool stopped = false;

  ClientApi api;
  std::unique_ptr<SessionClient> session;
  Scope scope;
};

}  // namespace drover::agent
