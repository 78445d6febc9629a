// What passes between an agent and its server: wishes come in, statuses go out.
#include "agent/core/agent_state.h"
#include "agent/core/collection.h"
#include "agent/session/tunnel.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

/// How long a change that nobody waits for (another event of a task) may gather others.
constexpr Duration quiet_gathering = 500ms;

/// What somebody may be waiting for: the allocation's status, each task's state, and its services.
std::string urgent_part(const AllocRunner& runner) {
  std::string out(runner.client_status().status);
  for (const TaskRunner* task : runner.tasks()) {
    const TaskView view = task->view();
    out += "/" + view.name + std::to_string(static_cast<int>(view.phase)) + (view.failed ? "!" : "");
  }
  out += "/" + std::to_string(runner.services_version());
  return out;
}

}  // namespace

model::Hello Agent::State::hello() {
  model::Hello hello;
  *hello.mutable_node() = *node;
  hello.mutable_node()->set_secret_id(identity.secret_id);
  hello.set_secret_id(identity.secret_id);
  hello.set_have_index(desired.index());
  desired.begin_session();
  return hello;
}

/// What the server has lost or given up meanwhile is set right: all that lives is told anew, with its services.
void Agent::State::session_began() {
  told_services.clear();
  for (const auto& [id, runner] : runners) {
    if (!runner->ended()) changed.insert(id);
  }
  tell_now();
}

void Agent::State::session_lost() {
  outbox.connection_lost();
  statuses_told.notify();
}

Result<void> Agent::State::take(const model::DesiredAllocs& message) {
  DROVER_TRY(desired.apply(message));
  DesiredAllocs wishes;
  for (const auto& [id, alloc] : desired.allocs()) {
    const std::string& status = alloc->client_status();
    const bool runs = alloc->desired_status() != "stop" && alloc->desired_status() != "evict";
    wishes[id] = {alloc->alloc_modify_index(), runs, status == "complete" || status == "failed" || status == "lost"};
  }
  std::erase_if(gone, [&wishes](const std::string& id) { return !wishes.contains(id); });
  carry_out(reconcile(wishes, local_allocs()));
  if (!has_contact) {
    has_contact = true;
    server_contacted.notify();
    for (auto& [id, runner] : runners) changed.insert(id);
  }
  tell_now();
  return {};
}

LocalAllocs Agent::State::local_allocs() const {
  LocalAllocs local;
  for (const auto& [id, runner] : runners) {
    const bool going = removing.contains(id);
    local[id] = {going ? UINT64_MAX : runner->alloc()->alloc_modify_index(), runner->ended()};
  }
  for (const std::string& id : gone) local[id] = {UINT64_MAX, true};
  return local;
}

void Agent::State::carry_out(const Actions& actions) {
  for (const std::string& id : actions.remove) begin_removing(id);
  for (const std::string& id : actions.update) runners.at(id)->update(desired.allocs().at(id));
  for (const std::string& id : actions.report_ended) {
    auto status = std::make_shared<model::AllocStatus>();
    status->set_id(id);
    status->set_client_status("complete");
    status->set_client_description("Stopped before it was started");
    status->set_modify_time(to_ns(parts.loop.now()));
    outbox.put(std::move(status));
    gone.insert(id);
  }
  for (const std::string& id : actions.add) add_alloc(id);
}

void Agent::State::add_alloc(const std::string& id) {
  auto runner = std::make_unique<AllocRunner>(world, desired.allocs().at(id),
                                              [this](const AllocRunner& its) { alloc_changed(its); });
  if (runner->alloc()->client_status() == "running")
    parts.log.warn("an allocation that runs here, says the server, is not in this agent's store: its record is lost, and its tasks are started anew: alloc={}", id);
  AllocRunner& added = *runner;
  runners[id] = std::move(runner);
  added.start();
  alloc_changed(added);
}

void Agent::State::begin_removing(const std::string& id) {
  if (!runners.contains(id) || !removing.insert(id).second) return;
  scope.spawn(remove_alloc(id));
}

Async<void> Agent::State::remove_alloc(std::string id) {
  AllocRunner& runner = *runners.at(id);
  const Result<void> removed = co_await runner.remove();
  if (!removed && removed.error().code == Code::cancelled) co_return;
  if (!removed)
    parts.log.warn("cannot delete an allocation's folder, it stays: alloc={} error=\"{}\"", id,
                   removed.error().message);
  co_await runner.stop();
  runners.erase(id);
  removing.erase(id);
  changed.erase(id);
  told.erase(id);
  told_services.erase(id);
  outbox.drop(id);
  if (desired.allocs().contains(id)) gone.insert(id);
}

void Agent::State::alloc_changed(const AllocRunner& runner) {
  const std::string& id = runner.id();
  changed.insert(id);
  std::string urgent = urgent_part(runner);
  std::string& before = told[id];
  const bool is_urgent = before != urgent;
  before = std::move(urgent);
  if (is_urgent && !tell_planned) {
    tell_planned = true;
    scope.spawn(tell_soon());
  } else if (!is_urgent && !tell_planned && !tell_later_planned) {
    tell_later_planned = true;
    scope.spawn(tell_later());
  }
}

/// At the end of this turn of the loop: what changed in it goes as one.
Async<void> Agent::State::tell_soon() {
  tell_planned = false;
  tell_now();
  co_return;
}

Async<void> Agent::State::tell_later() {
  const bool slept = co_await parts.loop.sleep(quiet_gathering);
  tell_later_planned = false;
  if (slept) tell_now();
}

void Agent::State::tell_now() {
  // Before the server's wishes are known, a half-restored state must not overwrite what the server knows.
  if (!has_contact || !session) return;
  for (const std::string& id : changed) {
    const auto runner = runners.find(id);
    if (runner != runners.end()) outbox.put(news_of(*runner->second));
  }
  changed.clear();
  if (!session->connected()) return;
  while (const std::unique_ptr<model::AllocStatuses> statuses = outbox.next()) {
    model::FromAgent message;
    *message.mutable_statuses() = *statuses;
    if (!session->send(std::move(message))) return;
  }
}

void Agent::State::take(const model::StatusesStored& message) {
  outbox.stored(message.sequence());
  tell_now();
  statuses_told.notify();
}

bool Agent::State::is_told(const std::string& id) const {
  if (!session || !session->connected()) return true;
  return !changed.contains(id) && outbox.is_told(id);
}

/// Services are said only when they are not what was said before: an instance that a user took away stays away.
std::shared_ptr<const model::AllocStatus> Agent::State::news_of(const AllocRunner& runner) {
  if (!runner.services_known()) return runner.status();
  model::AllocServices services = runner.services().registrations();
  std::string bytes = services.SerializeAsString();
  const auto told_before = told_services.find(runner.id());
  if (told_before != told_services.end() && told_before->second == bytes) return runner.status();
  told_services[runner.id()] = std::move(bytes);
  auto status = std::make_shared<model::AllocStatus>(*runner.status());
  *status->mutable_services() = std::move(services);
  return status;
}

void Agent::State::take(const model::OpenTunnel& message) {
  http::Handler handler = [this](http::Request request) { return api.handle(std::move(request)); };
  scope.spawn(answer_tunnel(parts.loop, parts.servers, std::move(handler), message));
}

AllocRunner* Agent::State::find_alloc(const std::string& id) {
  const auto found = runners.find(id);
  return found == runners.end() ? nullptr : found->second.get();
}

Result<void> Agent::State::collect(const std::string& id) {
  const AllocRunner* runner = find_alloc(id);
  if (runner == nullptr) return fail(Code::not_found, "unknown allocation ID");
  if (!runner->ended())
    return fail(Code::conflict, "No such allocation on client, or allocation not eligible for GC");
  begin_removing(id);
  return {};
}

void Agent::State::collect_all() { collect_garbage(true); }

void Agent::State::collect_garbage(bool all) {
  std::vector<CollectCandidate> candidates;
  for (const auto& [id, runner] : runners) {
    if (!removing.contains(id))
      candidates.push_back({id, runner->ended(), outbox.is_told(id) && !changed.contains(id), runner->ended_at()});
  }
  for (const std::string& id :
       choose_garbage(std::move(candidates), static_cast<std::size_t>(settings.gc_max_allocs), all))
    begin_removing(id);
}

Async<void> Agent::State::collect_regularly() {
  for (;;) {
    const bool slept = co_await parts.loop.sleep(settings.gc_interval);
    if (!slept) co_return;
    collect_garbage(false);
  }
}

}  // namespace drover::agent
