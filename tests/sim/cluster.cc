#include "tests/sim/cluster.h"

#include "base/loop/start.h"
#include "model/proto/job.pb.h"
#include "tests/sim/cluster_lives.h"

namespace drover::sim {

namespace {

Async<void> work_later(Loop& loop, Duration delay, std::function<void()> job) {
  const bool slept = co_await loop.sleep(delay);
  if (slept) job();
}

}  // namespace

Result<void> SlowWorkers::submit(std::function<void()> job) {
  start(loop_, work_later(loop_, Duration(static_cast<std::int64_t>(random_.below(20'000'000))), std::move(job)));
  return {};
}

AgentHost::AgentHost(VirtualTime& time, std::size_t its_number)
    : number(its_number), name(text("agent-{}", its_number + 1)), machine(time) {}
AgentHost::~AgentHost() = default;

Cluster::Cluster(ClusterOptions options)
    : net(time, trace, options.seed * 3 + 1, options.agents), options_(options), random_(options.seed * 3 + 2) {
  disk.append_delay = 2ms;
  time.on_spin([this] { violate("something runs for ever without time passing"); });
  for (std::size_t i = 0; i < options.agents; ++i) hosts.push_back(std::make_unique<AgentHost>(time, i));
}

Cluster::~Cluster() {
  crash_server();
  for (const auto& host : hosts) crash_agent(*host);
  client_loop_.crash();
}

server::Server* Cluster::server() const { return server_life_ && server_life_->serving ? &server_life_->server : nullptr; }

void Cluster::violate(std::string what) {
  trace.add("CHECK", what);
  violations.push_back(std::move(what));
}

Log Cluster::log_of(const std::string& actor) {
  const auto hub = LogHub::silent();
  listeners_.push_back(hub->listen(LogLevel::info, [this, actor](const LogLine& line) {
    trace.add(actor, text("{}: {}", line.name, line.message));
  }));
  return Log(hub);
}

void Cluster::start_server() {
  if (server_life_) return;
  trace.add("server", "starts");
  const std::uint64_t seed = options_.seed * 1'000'003 + ++server_lives_;
  server_life_ = std::make_unique<ServerLife>(*this, seed, log_of("server"));
  start(server_life_->loop, bring_up_server());
}

Async<void> Cluster::bring_up_server() {
  ServerLife& life = *server_life_;
  const Result<void> started = co_await life.server.start();
  if (!started) {
    violate("the server does not start: " + started.error().message);
    co_return;
  }
  life.serving = true;
  trace.add("server", text("serves from index {}", life.server.snapshot()->index()));
}

void Cluster::crash_server() {
  if (!server_life_) return;
  const bool stored = random_.below(2) == 0;
  trace.add("server", disk.in_flight ? text("is killed; its append in flight is {}", stored ? "stored" : "lost") : "is killed");
  server_life_->serving = false;
  server_life_->loop.crash();
  disk.settle(stored);
  client_.cancel();
  time.run_until_idle();  // clients that waited for an answer learn that none will come
  server_life_.reset();
}

void Cluster::start_agent(AgentHost& host) {
  if (host.life) return;
  trace.add(host.name, "starts");
  const std::uint64_t seed = options_.seed * 7'000'003 + host.number * 1000 + ++host.lives;
  host.life = std::make_unique<AgentHost::Life>(*this, host, seed, log_of(host.name));
  start(host.life->loop, bring_up_agent(host));
}

Async<void> Cluster::bring_up_agent(AgentHost& host) {
  const Result<void> started = co_await host.life->agent.start();
  if (!started) violate(text("{} does not start: {}", host.name, started.error().message));
}

void Cluster::crash_agent(AgentHost& host) {
  if (!host.life) return;
  trace.add(host.name, "is killed");
  host.life->loop.crash();
  host.life.reset();
}

void Cluster::reboot(AgentHost& host) {
  crash_agent(host);
  trace.add(host.name, "its machine loses all tasks");
  host.machine.reboot();
}

void Cluster::settle(const std::string& job, bool ok, const Error* error) {
  if (ok) {
    ledger.acknowledged(job);
    trace.add("client", text("{} is acknowledged", job));
    return;
  }
  // What the client cannot tell from a lost answer counts as perhaps done.
  const bool certain = error->code == Code::invalid || error->code == Code::conflict || error->code == Code::not_found || error->code == Code::exhausted;
  trace.add("client", text("{} {}: {}", job, certain ? "is refused" : "gets no answer", error->message));
  if (certain) {
    ledger.refused(job);
  } else {
    ledger.unanswered(job);
  }
}

void Cluster::register_job(const JobPlan& plan) {
  if (!server() || ledger.in_flight(plan.id)) return;
  trace.add("client", text("registers {} revision {} count {}", plan.id, plan.revision, plan.count));
  ledger.sent(plan.id, {plan.revision, false});
  client_.spawn(send_registration(plan.id, make_job(plan)));
}

Async<void> Cluster::send_registration(std::string id, std::shared_ptr<const model::Job> job) {
  server::Server* to = server();
  if (!to) {
    ledger.refused(id);
    co_return;
  }
  server::RegisterJob request;
  request.job = std::move(job);
  const Result<server::JobRegistered> answer = co_await to->register_job(std::move(request));
  settle(id, answer.ok(), answer ? nullptr : &answer.error());
}

void Cluster::deregister_job(const std::string& id) {
  if (!server() || ledger.in_flight(id)) return;
  const server::JobVersionRow* current = server()->snapshot()->current("default", id);
  if (!current || current->spec->stop()) return;
  const std::uint64_t revision = revision_of(*current->spec);
  if (!ledger.allows(id, {revision, false})) return;  // the checks will say so
  trace.add("client", text("stops {}", id));
  ledger.sent(id, {revision, true});
  client_.spawn(send_deregistration(id));
}

Async<void> Cluster::send_deregistration(std::string id) {
  server::Server* to = server();
  if (!to) {
    ledger.refused(id);
    co_return;
  }
  server::DeregisterJob request;
  request.job = {"default", id};
  const Result<server::JobDeregistered> answer = co_await to->deregister_job(std::move(request));
  settle(id, answer.ok(), answer ? nullptr : &answer.error());
}

void Cluster::stop_alloc(Uuid alloc) {
  trace.add("client", text("stops allocation {}", to_text(alloc)));
  client_.spawn(send_stop_alloc(alloc));
}

Async<void> Cluster::send_stop_alloc(Uuid alloc) {
  server::Server* to = server();
  if (!to) co_return;
  server::StopAlloc request;
  request.alloc = alloc;
  static_cast<void>(co_await to->stop_alloc(request));
}

void Cluster::set_eligibility(Uuid node, bool eligible) {
  trace.add("client", text("makes node {} {}", to_text(node), eligible ? "eligible" : "ineligible"));
  client_.spawn(send_eligibility(node, eligible));
}

Async<void> Cluster::send_eligibility(Uuid node, bool eligible) {
  server::Server* to = server();
  if (!to) co_return;
  server::SetEligibility request;
  request.node = node;
  request.eligibility = eligible ? "eligible" : "ineligible";
  static_cast<void>(co_await to->set_eligibility(std::move(request)));
}

void Cluster::drain(Uuid node, std::optional<Duration> deadline) {
  trace.add("client", text("{} node {}", deadline ? "drains" : "ends the drain of", to_text(node)));
  client_.spawn(send_drain(node, deadline));
}

Async<void> Cluster::send_drain(Uuid node, std::optional<Duration> deadline) {
  server::Server* to = server();
  if (!to) co_return;
  server::DrainNode request;
  request.node = node;
  request.drain = deadline.has_value();
  request.deadline = deadline.value_or(Duration{});
  request.mark_eligible = !request.drain;
  static_cast<void>(co_await to->drain_node(std::move(request)));
}

void Cluster::collect_garbage() {
  trace.add("client", "asks for a garbage collection");
  garbage_asked_ = true;
  client_.spawn(send_collect_garbage());
}

Async<void> Cluster::send_collect_garbage() {
  server::Server* to = server();
  if (to) static_cast<void>(co_await to->collect_garbage());
}

}  // namespace drover::sim
