#include "agent/agent.h"

#include "agent/core/agent_state.h"
#include "agent/core/node.h"
#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

/// Changes of drivers and facts within this time go to the server as one.
constexpr Duration node_gathering = 200ms;
constexpr Duration host_look_interval = 1min;

}  // namespace

Agent::Agent(Parts parts, Settings settings) : state_(std::make_unique<State>(std::move(parts), std::move(settings))) {}
Agent::~Agent() = default;

Async<Result<void>> Agent::start() { return state_->start(); }
Async<void> Agent::stop() { return state_->stop(); }
Async<void> Agent::end() { return state_->end(); }
Async<http::Response> Agent::handle(http::Request request) { return state_->api.handle(std::move(request)); }

const std::string& Agent::node_id() const { return state_->identity.id; }
std::shared_ptr<const model::Node> Agent::node() const { return state_->node; }
bool Agent::connected() const { return state_->session != nullptr && state_->session->connected(); }

std::vector<std::shared_ptr<const model::AllocStatus>> Agent::statuses() const {
  std::vector<std::shared_ptr<const model::AllocStatus>> out;
  for (const auto& [id, runner] : state_->runners) out.push_back(runner->status());
  return out;
}

Agent::State::State(Parts its_parts, Settings its_settings)
    : parts(std::move(its_parts)),
      settings(std::move(its_settings)),
      drivers_changed(parts.loop),
      server_contacted(parts.loop),
      statuses_told(parts.loop),
      world{parts.loop,
            parts.random,
            parts.drivers,
            parts.store,
            parts.files,
            parts.probe,
            settings,
            drivers_changed,
            server_contacted,
            has_contact,
            statuses_told,
            [this](const std::string& id) { return is_told(id); },
            [this] { return node; },
            parts.log},
      api(ClientApi::Parts{parts.loop, parts.workers, parts.drivers, parts.files, parts.facts}, *this),
      scope(parts.loop) {}

Agent::State::~State() = default;

Async<Result<void>> Agent::State::start() {
  DROVER_CO_TRY(co_await remember());
  host = co_await parts.facts.read();
  for (const std::string& fact : host.missing) parts.log.warn("cannot find out about this machine: {}", fact);

  parts.drivers.watch(
      [this](const DriverStatus&) {
        drivers_changed.notify();
        node_changed();
      },
      [this](const DriverTaskEvent& event) {
        if (AllocRunner* runner = find_alloc(event.alloc_id)) runner->add_driver_event(event);
      });
  co_await parts.drivers.start();
  rebuild_node();

  co_await adopt_all();
  session = std::make_unique<SessionClient>(parts.loop, parts.random, parts.servers, *this, parts.log.with("session"));
  session->start();
  scope.spawn(look_at_host());
  scope.spawn(collect_regularly());
  parts.log.info("agent ready: node={} name={} allocs={}", identity.id, node->name(), runners.size());
  co_return Result<void>();
}

/// Who this node is, and what it was doing.
Async<Result<void>> Agent::State::remember() {
  Result<StoredState> loaded = co_await parts.store.load();
  if (!loaded) co_return loaded.error().within("the agent's state cannot be read");
  for (const std::string& loss : loaded->losses) parts.log.error("{}", loss);
  dynamic_meta = loaded->dynamic_meta;
  if (loaded->node) {
    identity = *loaded->node;
  } else {
    identity = {to_text(parts.random.uuid()), to_text(parts.random.uuid())};
    const StoredNode fresh = identity;
    const Result<void> saved = co_await parts.store.save_node(fresh);
    if (!saved) co_return saved.error().within("the agent's state cannot be written");
  }
  for (auto& [id, stored] : loaded->allocs) {
    if (stored.alloc == nullptr) continue;
    auto runner =
        std::make_unique<AllocRunner>(world, stored.alloc, [this](const AllocRunner& its) { alloc_changed(its); });
    runner->restore(std::move(stored.tasks));
    runners[id] = std::move(runner);
  }
  co_return Result<void>();
}

Async<void> Agent::State::adopt_all() {
  std::vector<AllocRunner*> all;
  for (auto& [id, runner] : runners) all.push_back(runner.get());
  for (AllocRunner* runner : all) {
    runner->start();
    alloc_changed(*runner);
  }
  for (AllocRunner* runner : all) {
    const bool looked_after = co_await runner->adopted();
    if (!looked_after) co_return;
  }
}

Async<void> Agent::State::stop() {
  if (stopped) co_return;
  stopped = true;
  if (session) co_await session->stop();
  co_await scope.stop();
  for (auto& [id, runner] : runners) co_await runner->stop();
  co_await parts.drivers.stop(true);
  parts.log.info("agent stopped, its tasks run on: allocs={}", runners.size());
}

Async<void> Agent::State::end() {
  if (stopped) co_return;
  stopped = true;
  if (session) co_await session->stop();
  co_await scope.stop();
  for (auto& [id, runner] : runners) runner->begin_removing();
  for (auto& [id, runner] : runners) {
    const Result<void> removed = co_await runner->remove();
    if (!removed) parts.log.warn("cannot clean up an allocation: alloc={} error=\"{}\"", id, removed.error().message);
    co_await runner->stop();
  }
  co_await parts.drivers.stop(false);
}

void Agent::State::rebuild_node() {
  node =
      std::make_shared<const model::Node>(make_node(identity.id, settings, host, parts.drivers.list(), dynamic_meta));
}

void Agent::State::node_changed() {
  if (node_planned || !node) return;
  node_planned = true;
  scope.spawn(tell_node());
}

Async<void> Agent::State::tell_node() {
  const bool slept = co_await parts.loop.sleep(node_gathering);
  if (!slept) co_return;
  node_planned = false;
  const std::shared_ptr<const model::Node> before = node;
  rebuild_node();
  if (!session || same_for_server(*before, *node)) co_return;
  model::FromAgent message;
  *message.mutable_node() = *node;
  session->send(std::move(message));
}

Async<void> Agent::State::look_at_host() {
  for (;;) {
    const bool slept = co_await parts.loop.sleep(host_look_interval);
    if (!slept) co_return;
    HostReport report = co_await parts.facts.read();
    // A look that found nothing at all is a failed look: the last good one stands. Free disk space moves all the time.
    if (report.cores.empty() || report.memory_bytes == 0) continue;
    report.disk_free_bytes = host.disk_free_bytes;
    report.attributes["unique.storage.bytesfree"] = host.attributes["unique.storage.bytesfree"];
    host = std::move(report);
    node_changed();
  }
}

}  // namespace drover::agent
