#include "agent/services/alloc_services.h"

#include <algorithm>

#include "model/proto/registration.pb.h"
#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

/// Checks of what starts at the same moment do not all run at the same moment.
constexpr Duration first_run_jitter = 200ms;
constexpr std::int64_t http_ok = 200;
constexpr std::int64_t http_error_first = 400;

using Kind = CheckOutcome::Kind;

/// A result of a probe that has no answer of its own; nothing when it was cancelled.
std::optional<CheckOutcome> outcome_of(const Result<void>& probed, const char* good) {
  if (probed) return CheckOutcome{Kind::passed, 0, good};
  if (probed.error().code == Code::cancelled) return std::nullopt;
  return CheckOutcome{Kind::failed, 0, probed.error().message};
}

bool same(const Offer& a, const Offer& b) {
  return std::equal(a.services.begin(), a.services.end(), b.services.begin(), b.services.end(),
                    [](const OfferedService& left, const OfferedService& right) {
                      return left.checks == right.checks && left.registration->SerializeAsString() ==
                                                                right.registration->SerializeAsString();
                    });
}

}  // namespace

AllocServices::AllocServices(Parts parts, Owner& owner) : parts_(parts), owner_(owner), scope_(parts.loop) {}

Async<void> AllocServices::stop() { co_await scope_.stop(); }

void AllocServices::offer(const std::string& task, Offer offer, bool running, bool resumed) {
  const auto known = offered_.find(task);
  if (known == offered_.end() && offer.services.empty()) return;
  if (known != offered_.end() && known->second.running == running && same(known->second.offer, offer)) return;

  Offered& offered = offered_[task];
  if (!running || !offered.running) end_checks(offered);
  if (running && !offered.running) offered.resumed = resumed;
  offered.running = running;
  offered.offer = std::move(offer);
  std::map<std::string, CheckSpec> wanted;
  for (const OfferedService& service : offered.offer.services) {
    for (const CheckSpec& spec : service.checks) {
      if (running) wanted.emplace(spec.id, spec);
    }
  }
  std::erase_if(offered.checks, [&wanted](auto& entry) {
    const auto still = wanted.find(entry.first);
    const bool keeps = still != wanted.end() && still->second == entry.second.spec;
    if (!keeps) entry.second.cancel();
    return !keeps;
  });
  for (const auto& [id, spec] : wanted) {
    if (!offered.checks.contains(id)) begin(task, offered, spec);
  }
  owner_.services_changed();
}

void AllocServices::withdraw(const std::string& task) {
  const auto found = offered_.find(task);
  if (found == offered_.end()) return;
  end_checks(found->second);
  offered_.erase(found);
  owner_.services_changed();
}

void AllocServices::withdraw_all() {
  if (offered_.empty()) return;
  for (auto& [task, offered] : offered_) end_checks(offered);
  offered_.clear();
  owner_.services_changed();
}

void AllocServices::begin(const std::string& task, Offered& offered, const CheckSpec& spec) {
  Watched& watched = offered.checks[spec.id];
  watched.spec = spec;
  watched.life = ++lives_;
  watched.state.began = parts_.loop.uptime();
  if (spec.passing_at_first) {
    watched.state.status = CheckStatus::success;
    watched.state.at = parts_.loop.now();
  }
  watched.cancel = scope_.spawn_cancellable(run_check(task, spec.id, watched.life));
}

void AllocServices::end_checks(Offered& offered) {
  for (auto& [id, watched] : offered.checks) watched.cancel();
  offered.checks.clear();
}

AllocServices::Watched* AllocServices::find(const std::string& task, const std::string& id, std::uint64_t life) {
  const auto offered = offered_.find(task);
  if (offered == offered_.end()) return nullptr;
  const auto watched = offered->second.checks.find(id);
  const bool alive = watched != offered->second.checks.end() && watched->second.life == life;
  return alive ? &watched->second : nullptr;
}

Async<void> AllocServices::run_check(std::string task, std::string id, std::uint64_t life) {
  const Duration jitter = Duration(static_cast<Duration::rep>(parts_.random.unit() * static_cast<double>(first_run_jitter.count())));
  bool slept = co_await parts_.loop.sleep(jitter);
  while (slept) {
    const Watched* before = find(task, id, life);
    if (before == nullptr) co_return;
    CheckSpec spec = before->spec;
    std::optional<CheckOutcome> outcome = co_await run_once(std::move(spec));
    Watched* watched = find(task, id, life);
    if (watched == nullptr || !outcome) co_return;

    const Duration uptime = parts_.loop.uptime();
    const CheckStatus status = watched->state.status;
    const bool warned = watched->state.warned;
    const bool restart = take(watched->spec, watched->state, std::move(*outcome), parts_.loop.now(), uptime);
    const Duration wait = wait_after(watched->spec, watched->state, uptime);
    const std::string reason = text("healthcheck: check \"{}\" unhealthy", watched->spec.name);
    const bool news = watched->state.status != status || watched->state.warned != warned;
    // Both may change what is offered, this check included.
    if (news) owner_.services_changed();
    if (restart) owner_.restart_unhealthy(task, reason);
    slept = co_await parts_.loop.sleep(wait);
  }
}

Async<std::optional<CheckOutcome>> AllocServices::run_once(CheckSpec spec) {
  switch (spec.type) {
    case CheckType::http:
      co_return co_await run_http(std::move(spec));
    case CheckType::script:
      co_return co_await run_script(std::move(spec));
    case CheckType::tcp: {
      const Result<void> connected = co_await parts_.probe.tcp(spec.endpoint.address, static_cast<std::uint16_t>(spec.endpoint.port), spec.timeout);
      co_return outcome_of(connected, "nomad: tcp ok");
    }
    case CheckType::grpc: {
      GrpcProbe probe{host_and_port(spec.endpoint), spec.grpc_service, spec.tls, spec.tls_skip_verify, spec.tls_server_name};
      const Result<void> serving = co_await parts_.probe.grpc(std::move(probe), spec.timeout);
      co_return outcome_of(serving, "grpc ok");
    }
  }
  co_return std::nullopt;
}

Async<std::optional<CheckOutcome>> AllocServices::run_http(CheckSpec spec) {
  HttpProbe probe;
  probe.url = (spec.tls ? "https://" : "http://") + host_and_port(spec.endpoint) + spec.path;
  probe.method = spec.method;
  probe.headers = spec.headers;
  probe.body = spec.body;
  probe.tls_skip_verify = spec.tls_skip_verify;
  probe.tls_server_name = spec.tls_server_name;
  Result<HttpProbeAnswer> answer = co_await parts_.probe.http(std::move(probe), spec.timeout);
  if (!answer) {
    if (answer.error().code == Code::cancelled) co_return std::nullopt;
    CheckOutcome failed{Kind::failed, 0, answer.error().message};
    co_return failed;
  }
  CheckOutcome outcome;
  outcome.code = answer->status;
  outcome.kind = outcome.code < http_error_first ? Kind::passed : Kind::failed;
  outcome.output = outcome.code == http_ok ? "nomad: http ok" : std::move(answer->body);
  co_return outcome;
}

Async<std::optional<CheckOutcome>> AllocServices::run_script(CheckSpec spec) {
  const std::optional<RunningTask> running = owner_.running_task(spec.task);
  if (!running) {
    CheckOutcome failed{Kind::failed, 0, text("task \"{}\" does not run", spec.task)};
    co_return failed;
  }
  Result<ExecOutput> ran = co_await parts_.drivers.exec_task(running->driver, running->task_id, spec.command, spec.timeout);
  if (!ran) {
    if (ran.error().code == Code::cancelled) co_return std::nullopt;
    CheckOutcome failed{Kind::failed, 0, ran.error().message};
    co_return failed;
  }
  CheckOutcome outcome;
  outcome.code = ran->exit.exit_code;
  outcome.output = std::move(ran->standard_output) + std::move(ran->standard_error);
  const bool clean = ran->exit.signal == 0 && ran->exit.error.empty();
  if (clean && outcome.code == 0) outcome.kind = Kind::passed;
  if (clean && outcome.code == 1) outcome.kind = Kind::warned;
  co_return outcome;
}

bool AllocServices::is_ready(const Offered& offered, const OfferedService& service) const {
  if (!offered.running) return false;
  return std::all_of(service.checks.begin(), service.checks.end(), [&offered](const CheckSpec& spec) {
    const auto watched = offered.checks.find(spec.id);
    if (watched == offered.checks.end()) return false;
    const CheckStatus status = watched->second.state.status;
    return status == CheckStatus::success || (status == CheckStatus::pending && offered.resumed);
  });
}

model::AllocServices AllocServices::registrations() const {
  std::map<std::string, model::ServiceRegistration> by_id;
  for (const auto& [task, offered] : offered_) {
    for (const OfferedService& service : offered.offer.services) {
      model::ServiceRegistration registration = *service.registration;
      registration.set_unready(!is_ready(offered, service));
      by_id[registration.id()] = std::move(registration);
    }
  }
  model::AllocServices all;
  for (auto& [id, registration] : by_id) *all.add_services() = std::move(registration);
  return all;
}

bool AllocServices::any_ready() const {
  for (const auto& [task, offered] : offered_) {
    for (const OfferedService& service : offered.offer.services) {
      if (is_ready(offered, service)) return true;
    }
  }
  return false;
}

std::vector<CheckReport> AllocServices::reports() const {
  std::vector<CheckReport> out;
  for (const auto& [task, offered] : offered_) {
    for (const auto& [id, watched] : offered.checks) out.push_back({watched.spec.service, task, watched.spec, watched.state});
  }
  return out;
}

ChecksHealth AllocServices::health() const {
  ChecksHealth health;
  for (const auto& [task, offered] : offered_) {
    for (const OfferedService& service : offered.offer.services) {
      for (const CheckSpec& spec : service.checks) {
        if (spec.readiness) continue;
        ++health.wanted;
        const auto watched = offered.checks.find(spec.id);
        if (watched == offered.checks.end()) {
          health.bad.push_back(text("{}: {}", spec.service, spec.name));
        } else if (!good_for_health(spec, watched->second.state)) {
          const std::string& output = watched->second.state.output;
          health.bad.push_back(output.empty() ? text("{}: {}", spec.service, spec.name)
                                              : text("{}: {} ({})", spec.service, spec.name, output));
        }
      }
    }
  }
  return health;
}

}  // namespace drover::agent
