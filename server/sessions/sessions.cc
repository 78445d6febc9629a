#include "server/sessions/sessions.h"

#include <utility>

#include "base/loop/call.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/session.pb.h"
#include "server/proto/command.pb.h"

namespace drover::server {

Sessions::Sessions(Parts parts) : parts_(std::move(parts)), scope_(parts_.loop) {
  parts_.turns.listen([this](const SnapshotPtr& state, const Effects& effects, bool anew) { published(state, effects, anew); });
}

void Sessions::accept(std::unique_ptr<AgentLink> link) {
  auto session = std::make_shared<Session>();
  session->link = std::move(link);
  scope_.spawn(serve(std::move(session)));
}

Async<void> Sessions::stop() {
  for (auto& [node, session] : sessions_) session->link->close("the server is stopping");
  co_await scope_.stop();
  sessions_.clear();
}

Result<void> Sessions::send(const Uuid& node, const model::ToAgent& message) {
  const auto session = sessions_.find(node);
  if (session == sessions_.end()) return fail(Code::not_found, "No path to node");
  return session->second->link->send(message);
}

// One session.

Async<void> Sessions::serve(SessionPtr session) {
  const Result<void> greeted = co_await greet(session);
  if (!greeted) {
    refuse(*session, greeted.error());
    co_return;
  }
  for (;;) {
    Result<model::FromAgent> message = co_await session->link->receive();
    if (!message) {
      parts_.log.info("the session of a node has ended: node={} reason=\"{}\"", to_text(session->node), message.error().message);
      end(*session, "");
      co_return;
    }
    // From before the session that has taken its place: the agent may have lost what it says here with its last life.
    if (!session->ready) co_return;
    const Result<void> taken = co_await take(session, std::move(*message));
    if (!taken) {
      parts_.log.warn("the session of a node is ended: node={} reason=\"{}\"", to_text(session->node), taken.error().message);
      end(*session, taken.error().message);
      co_return;
    }
  }
}

/// Hello, registration, welcome, and the allocations that the agent does not know.
Async<Result<void>> Sessions::greet(SessionPtr session) {
  // A link that says nothing is closed, which ends the wait below.
  const auto watch = [](Loop& loop, std::weak_ptr<Session> weak) -> Async<void> {
    const bool slept = co_await loop.sleep(hello_max);
    const SessionPtr silent = weak.lock();
    if (slept && silent && !silent->said) silent->link->close("there was no hello");
  };
  const std::function<void()> stop_watching = scope_.spawn_cancellable(watch(parts_.loop, session));
  Result<model::FromAgent> first = co_await session->link->receive();
  stop_watching();
  if (!first) co_return first.error();
  if (!first->has_hello()) co_return fail(Code::invalid, "the first message of a session is hello");

  session->said = std::make_shared<const model::Node>(std::move(*first->mutable_hello()->mutable_node()));
  session->secret = first->hello().secret_id();
  session->have_index = first->hello().have_index();
  session->node = parse_uuid(session->said->id());
  const Result<void> registered = co_await register_node(session);
  if (!registered) co_return registered.error();

  if (const auto old = sessions_.find(session->node); old != sessions_.end()) {
    end(*SessionPtr(old->second), "another session of this node has begun");
  }
  sessions_[session->node] = session;
  model::ToAgent welcome;
  welcome.mutable_welcome()->set_heartbeat_ttl_ns(parts_.promise(session->node).count());
  welcome.mutable_welcome()->add_servers(parts_.config.rpc_address);
  push(*session, std::move(welcome));
  push_since(*session, session->have_index);
  session->ready = true;
  parts_.log.info("a node has connected: node={} name={}", to_text(session->node), session->said->name());
  co_return Result<void>();
}

Async<Result<void>> Sessions::register_node(SessionPtr session) {
  RegisterNode request{.node = session->said, .secret_id = session->secret};
  std::function<void(Done<NodeRegistered>, std::weak_ptr<const void>)> ask =
      [this, request = std::move(request)](Done<NodeRegistered> done, std::weak_ptr<const void>) { parts_.turns.ask(request, std::move(done)); };
  const Result<NodeRegistered> registered = co_await call<NodeRegistered>(parts_.loop, std::move(ask));
  if (!registered) co_return registered.error();
  parts_.heard(session->node);
  co_return Result<void>();
}

Async<Result<void>> Sessions::take(SessionPtr session, model::FromAgent message) {
  parts_.heard(session->node);
  if (message.has_hello()) co_return fail(Code::invalid, "a second hello");
  if (message.has_beat()) {
    // Answered, so that an agent with nothing to hear knows a dead link from a quiet server.
    model::ToAgent beat;
    beat.mutable_beat();
    push(*session, std::move(beat));
  }
  const model::Node* stored = parts_.turns.published()->node(session->node);
  const bool given_up = !stored || stored->status() != "ready";
  if (message.has_node()) session->said = std::make_shared<const model::Node>(std::move(*message.mutable_node()));
  if (message.has_node() || given_up) {
    const Result<void> registered = co_await register_node(session);
    if (!registered) co_return registered.error();
    if (given_up) push_all(*session);
  }
  if (message.has_statuses()) report(session, std::move(*message.mutable_statuses()));
  co_return Result<void>();
}

void Sessions::report(SessionPtr session, model::AllocStatuses statuses) {
  reporters_.push_back(Reported{std::move(session), statuses.sequence()});
  gathered_.push_back(std::make_shared<const model::AllocStatuses>(std::move(statuses)));
  if (!submitted_) submit_reports();
}

/// One request for all that is gathered until its turn comes.
void Sessions::submit_reports() {
  submitted_ = true;
  auto reporters = std::make_shared<std::vector<Reported>>();
  Turns::Decide decide_it = [this, reporters](const Deciding& deciding) -> Result<std::shared_ptr<proto::Command>> {
    submitted_ = false;
    *reporters = std::exchange(reporters_, {});
    const UpdateAllocs request{std::exchange(gathered_, {})};
    DROVER_LET(auto decision, decide(request, deciding));
    return std::move(decision.command);
  };
  parts_.turns.submit(std::move(decide_it), [this, reporters](const Result<void>& stored) {
    // Refused before its turn came: what is gathered is told again by agents whose sessions end here.
    if (submitted_ && reporters->empty()) {
      submitted_ = false;
      gathered_.clear();
      *reporters = std::exchange(reporters_, {});
    }
    for (const Reported& reported : *reporters) {
      if (!stored) {
        end(*reported.session, stored.error().message);
        continue;
      }
      model::ToAgent message;
      message.mutable_stored()->set_sequence(reported.sequence);
      push(*reported.session, std::move(message));
    }
  });
}

void Sessions::refuse(Session& session, const Error& why) {
  if (why.code == Code::cancelled) return;
  parts_.log.warn("an agent is refused: node={} reason=\"{}\"", to_text(session.node), why.message);
  model::ToAgent message;
  message.mutable_refused()->set_reason(why.message);
  message.mutable_refused()->set_may_retry(why.code != Code::denied && why.code != Code::invalid);
  const Result<void> told = session.link->send(std::move(message));
  session.link->close(told ? why.message : "refused");
}

void Sessions::end(Session& session, const std::string& why) {
  session.link->close(why.empty() ? "ended" : why);
  session.ready = false;
  const auto current = sessions_.find(session.node);
  if (current == sessions_.end() || current->second.get() != &session) return;
  std::erase_if(told_, [&session](const auto& entry) { return entry.second == session.node; });
  sessions_.erase(current);
}

// What agents are told.

void Sessions::published(const SnapshotPtr& state, const Effects& effects, bool anew) {
  const SnapshotPtr before = std::exchange(before_, state);
  if (anew) {
    removed_.clear();
    removed_since_ = state->index();
    for (const auto& [node, session] : std::map(sessions_)) push_all(*session);
    return;
  }
  std::map<Uuid, model::ToAgent> messages;
  const auto message_for = [&messages, &state](const Uuid& node) -> model::DesiredAllocs& {
    auto& allocs = *messages[node].mutable_allocs();
    allocs.set_index(state->index());
    return allocs;
  };
  std::set<Uuid> seen;
  for (const Effect& effect : effects) {
    if (effect.topic != Topic::allocs || !seen.insert(effect.id).second) continue;
    const AllocRow* row = state->alloc(effect.id);
    if (!row) {
      note_removed(*before, effect);
      const auto told = told_.find(effect.id);
      if (told == told_.end()) continue;
      message_for(told->second).add_removed(to_text(effect.id));
      told_.erase(told);
      continue;
    }
    const Uuid node = state->node_of(*row);
    const auto session = sessions_.find(node);
    // What the agent itself has said is not told back to it.
    const bool news = row->alloc_modify_index >= effect.index || !told_.contains(effect.id);
    if (session == sessions_.end() || !session->second->ready || !news) continue;
    add_alloc(*session->second, *state, *row, message_for(node));
  }
  for (auto& [node, message] : messages) {
    const auto session = sessions_.find(node);
    if (session != sessions_.end()) push(*SessionPtr(session->second), std::move(message));
  }
}

void Sessions::note_removed(const Snapshot& before, const Effect& effect) {
  const AllocRow* row = before.alloc(effect.id);
  if (row) removed_.push_back({effect.index, before.node_of(*row), effect.id});
  if (removed_.size() <= removed_max) return;
  removed_since_ = removed_.front().index;
  removed_.pop_front();
}

void Sessions::push_since(Session& session, Index known) {
  const SnapshotPtr state = parts_.turns.published();
  if (known == 0 || known < removed_since_ || known > state->index()) return push_all(session);
  model::ToAgent message;
  auto& changes = *message.mutable_allocs();
  changes.set_index(state->index());
  state->each_alloc_on_node(session.node, [&](const AllocRow& row) {
    if (row.alloc_modify_index > known) {
      add_alloc(session, *state, row, changes);
    } else {
      told_[row.id] = session.node;
    }
    return true;
  });
  for (const Removed& removed : removed_) {
    if (removed.index > known && removed.node == session.node) changes.add_removed(to_text(removed.alloc));
  }
  push(session, std::move(message));
}

void Sessions::push_all(Session& session) {
  const SnapshotPtr state = parts_.turns.published();
  model::ToAgent message;
  message.mutable_allocs()->set_index(state->index());
  message.mutable_allocs()->set_full(true);
  state->each_alloc_on_node(session.node, [&](const AllocRow& row) {
    add_alloc(session, *state, row, *message.mutable_allocs());
    return true;
  });
  push(session, std::move(message));
}

void Sessions::push(Session& session, model::ToAgent message) {
  const Result<void> sent = session.link->send(std::move(message));
  if (!sent && sent.error().code == Code::exhausted) end(session, "the agent does not read what it is sent");
}

void Sessions::add_alloc(Session& session, const Snapshot& state, const AllocRow& row, model::DesiredAllocs& to) {
  const JobVersionRow& version = state.version_of(row);
  const JobKey& key = state.name_of(version);
  AllocRow without_scores = row;  // how nodes were ranked is of no use to an agent, and the bulk of the message
  without_scores.metrics = nullptr;
  *to.add_allocs() = state.message(without_scores);
  auto& reference = *to.add_alloc_jobs();
  reference.set_alloc_id(to_text(row.id));
  reference.set_namespace_(key.ns);
  reference.set_job_id(key.id);
  reference.set_version(version.version);
  reference.set_job_create_index(version.create_index);
  if (session.jobs.emplace(key.ns, key.id, version.version, version.create_index).second) *to.add_jobs() = to_message(version);
  told_[row.id] = session.node;
}

}  // namespace drover::server
