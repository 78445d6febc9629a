#include "agent/services/offer.h"

#include <openssl/evp.h>

#include <algorithm>
#include <map>

#include "model/proto/alloc.pb.h"
#include "model/proto/registration.pb.h"
#include "model/proto/service.pb.h"

namespace drover::agent {
namespace {

constexpr std::int64_t restart_grace_default = 1'000'000'000;

std::string sha256_hex(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += digits[digest[i] >> 4];
    out += digits[digest[i] & 15];
  }
  return out;
}

std::string first_given(const std::string& a, const std::string& b) { return a.empty() ? b : a; }

bool is_canary(const model::Allocation& alloc) { return alloc.deployment_status().canary(); }

CheckType type_of(const std::string& type) {
  if (type == "tcp") return CheckType::tcp;
  if (type == "grpc") return CheckType::grpc;
  return type == "script" ? CheckType::script : CheckType::http;
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

/// What the check says of itself, one after the other: two checks that differ have different ids.
std::string check_id(const OfferInput& input, const CheckSpec& spec) {
  std::string all;
  const auto add = [&all](const std::string& part) { all += std::to_string(part.size()) + ":" + part; };
  add(input.alloc.id());
  add(input.group);
  add(spec.task);
  add(spec.service);
  add(spec.name);
  add(std::to_string(static_cast<int>(spec.type)));
  add(host_and_port(spec.endpoint));
  add(spec.path);
  add(spec.method);
  add(std::to_string(spec.interval.count()));
  add(std::to_string(spec.timeout.count()));
  for (const std::string& word : spec.command) add(word);
  return sha256_hex(all);
}

void set_http(const OfferInput& input, const model::ServiceCheck& check, CheckSpec& spec) {
  spec.path = input.replace(check.path());
  if (!spec.path.starts_with('/')) spec.path = "/" + spec.path;
  const std::string protocol = input.replace(check.protocol());
  spec.tls = protocol == "https";
  const std::string method = upper(input.replace(check.method()));
  spec.method = method.empty() ? "GET" : method;
  std::map<std::string, std::vector<std::string>> sorted;
  for (const auto& [name, values] : check.header()) {
    for (const std::string& value : values.values()) sorted[name].push_back(input.replace(value));
  }
  for (const auto& [name, values] : sorted) {
    for (const std::string& value : values) spec.headers.emplace_back(name, value);
  }
  spec.body = check.body();
}

void set_policies(const model::Service& service, const model::ServiceCheck& check, CheckSpec& spec) {
  const std::string on_update = first_given(check.on_update(), service.on_update());
  spec.readiness = on_update == "ignore";
  spec.warnings_pass = on_update == "ignore_warnings";
  spec.passing_at_first = check.initial_status() == "passing";
  // Consul counts the runs beyond the first one, we count all of them.
  spec.passes_needed = check.success_before_passing() + 1;
  spec.failures_needed = check.failures_before_critical() + 1;
  const bool own = check.has_check_restart();
  if (!own && !service.has_check_restart()) return;
  const model::CheckRestart& of_service = service.check_restart();
  const model::CheckRestart& restart = own ? check.check_restart() : of_service;
  spec.restart_limit = restart.limit() > 0 ? restart.limit() : of_service.limit();
  spec.restart_grace = Duration(restart.has_grace()      ? restart.grace()
                                : of_service.has_grace() ? of_service.grace()
                                                         : restart_grace_default);
  spec.restart_ignores_warnings = restart.ignore_warnings() || of_service.ignore_warnings();
}

Result<CheckSpec> make_check(const OfferInput& input, const model::Service& service, const std::string& service_name,
                             const model::ServiceCheck& check) {
  CheckSpec spec;
  spec.service = service_name;
  spec.name = input.replace(check.name());
  if (spec.name.empty()) spec.name = text("service: \"{}\" check", service_name);
  spec.type = type_of(input.replace(check.type()));
  spec.task = !input.task.empty() ? input.task : first_given(check.task_name(), service.task_name());
  spec.interval = Duration(check.interval());
  spec.timeout = Duration(check.timeout());
  spec.tls_skip_verify = check.tls_skip_verify();
  spec.tls_server_name = check.tls_server_name();
  if (spec.interval <= Duration::zero() || spec.timeout <= Duration::zero())
    return fail(Code::invalid, "interval and timeout are needed");

  if (spec.type == CheckType::script) {
    spec.command.push_back(input.replace(check.command()));
    for (const std::string& word : check.args()) spec.command.push_back(input.replace(word));
    if (spec.task.empty()) return fail(Code::invalid, "a script runs in a task: name it with \"task\"");
  } else {
    const std::string port = input.replace(first_given(check.port_label(), service.port_label()));
    if (port.empty()) return fail(Code::invalid, "it has no port, and neither has its service");
    const bool own_address = !service.address().empty();
    const std::string mode = !check.address_mode().empty()          ? check.address_mode()
                             : own_address                          ? "auto"
                             : service.address_mode() == "driver"   ? "driver"
                                                                    : "host";
    DROVER_LET(spec.endpoint, find_endpoint(mode, mode == "auto" ? input.replace(service.address()) : "", port, input.reach));
  }
  if (spec.type == CheckType::http) set_http(input, check, spec);
  if (spec.type == CheckType::grpc) {
    spec.grpc_service = input.replace(check.grpc_service());
    spec.tls = check.grpc_use_tls();
  }
  set_policies(service, check, spec);
  spec.id = check_id(input, spec);
  return spec;
}

Result<OfferedService> make_service(const OfferInput& input, const model::Service& service,
                                    std::size_t checks_left, std::vector<std::string>& problems) {
  auto registration = std::make_shared<model::ServiceRegistration>();
  const std::string name = input.replace(service.name());
  const std::string port = input.replace(service.port_label());
  DROVER_LET(const Endpoint endpoint,
             find_endpoint(service.address_mode(), input.replace(service.address()), port, input.reach));
  registration->set_id(registration_id(input, name, port));
  registration->set_service_name(name);
  registration->set_namespace_(input.alloc.namespace_());
  registration->set_node_id(input.alloc.node_id());
  registration->set_datacenter(input.datacenter);
  registration->set_job_id(input.alloc.job_id());
  registration->set_alloc_id(input.alloc.id());
  registration->set_address(endpoint.address);
  registration->set_port(endpoint.port);
  const auto& tags = is_canary(input.alloc) && service.canary_tags_size() > 0 ? service.canary_tags() : service.tags();
  for (const std::string& tag : tags) registration->add_tags(input.replace(tag));

  OfferedService offered;
  for (const model::ServiceCheck& check : service.checks()) {
    Result<CheckSpec> spec = make_check(input, service, name, check);
    if (spec && offered.checks.size() >= checks_left) {
      problems.push_back(text("check \"{}\" of service \"{}\" is one too many: {} are run", check.name(), name, checks_per_offer_max));
    } else if (spec) {
      offered.checks.push_back(std::move(spec).value());
    } else {
      problems.push_back(text("check \"{}\" of service \"{}\" cannot be run: {}", check.name(), name, spec.error().message));
    }
  }
  offered.registration = std::move(registration);
  return offered;
}

}  // namespace

std::string registration_id(const OfferInput& input, const std::string& service, const std::string& port) {
  const std::string owner = input.task.empty() ? "group-" + input.group : input.task;
  return text("_nomad-task-{}-{}-{}-{}", input.alloc.id(), owner, service, port);
}

Offer make_offer(const OfferInput& input, const std::vector<model::Service>& services) {
  Offer offer;
  std::size_t checks_left = checks_per_offer_max;
  for (const model::Service& service : services) {
    Result<OfferedService> made = make_service(input, service, checks_left, offer.problems);
    if (made) {
      checks_left -= made->checks.size();
      offer.services.push_back(std::move(made).value());
    } else {
      offer.problems.push_back(text("service \"{}\" is not registered: {}", service.name(), made.error().message));
    }
  }
  return offer;
}

}  // namespace drover::agent
