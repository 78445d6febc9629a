#include <algorithm>
#include <map>
#include <set>

#include "model/json/text.h"
#include "model/proto/job.pb.h"
#include "model/validate_parts.h"

namespace drover::model {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::size_t service_name_max = 63;
constexpr std::size_t notes_max = 255;

template <class List>
bool is_one_of(const List& list, std::string_view text) {
  return std::ranges::find(list, text) != std::end(list);
}

bool is_number(std::string_view text) { return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }); }

/// With every ${…} taken for a letter.
std::string without_references(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto from = text.find("${");
    out += text.substr(0, from);
    if (from == std::string_view::npos) break;
    const auto end = text.find('}', from);
    if (end == std::string_view::npos) return out + std::string(text.substr(from));
    out += 'a';
    text.remove_prefix(end + 1);
  }
  return out;
}

bool is_service_name(std::string_view given) {
  const std::string name = without_references(given);
  if (name.empty() || name.size() > service_name_max || name.front() == '-' || name.back() == '-') return false;
  return std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
}

void check_times(const ServiceCheck& check, Problems& problems) {
  const auto say = [&](std::string_view name, std::string_view title, std::int64_t value) {
    if (value == 0) {
      problems.add("missing required value {}. {} cannot be less than 1s", name, title);
    } else if (value < second) {
      problems.add("{} ({}) cannot be lower than 1s", name, duration_text(value));
    }
  };
  say("interval", "Interval", check.interval());
  if (check.interval() >= second) say("timeout", "Timeout", check.timeout());
}

/// The first thing that is wrong with it, as one sentence.
Problems problems_of(const ServiceCheck& check, const Service& service) {
  Problems problems;
  static constexpr std::string_view types[] = {"http", "tcp", "grpc", "script"};
  if (!is_one_of(types, check.type())) {
    problems.add("invalid check type (\"{}\"), must be one of grpc, tcp, http, script", check.type());
    return problems;
  }
  check_times(check, problems);
  if (check.type() == "http" && check.path().empty()) problems.add("http type must have http path");
  if (check.type() == "script" && check.command().empty()) problems.add("script type must have a valid script path");
  if (check.notes().size() > notes_max) problems.add("notes must not be longer than {} characters", notes_max);
  static constexpr std::string_view statuses[] = {"", "passing", "warning", "critical"};
  if (!is_one_of(statuses, check.initial_status())) {
    problems.add("invalid initial check state ({}), must be one of \"passing\", \"warning\", \"critical\" or empty", check.initial_status());
  }
  if (check.address_mode() == "auto") problems.add("invalid address_mode \"auto\" - only available on services");
  const auto counters = {check.success_before_passing(), check.failures_before_critical(), check.failures_before_warning()};
  if (std::ranges::any_of(counters, [](std::int64_t n) { return n < 0; })) {
    problems.add("success_before_passing, failures_before_critical and failures_before_warning must be non-negative");
  }
  if (check.on_update() == "ignore" && check.has_check_restart()) {
    problems.add("on_update value \"{}\" is not compatible with check_restart", check.on_update());
  }
  const bool needs_port = check.type() != "script";
  if (needs_port && check.port_label().empty() && service.port_label().empty() && !service.has_connect()) {
    problems.add("check requires a port but neither check nor service \"{}\" have a port", service.name());
  }
  return problems;
}

void add_check_problems(const ServiceCheck& check, const Service& service, Problems& problems) {
  if (service.provider() == "nomad") {
    static constexpr std::string_view methods[] = {"", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"};
    if (check.type() != "http" && check.type() != "tcp") {
      problems.add("invalid check type (\"{}\"), must be one of tcp, http", check.type());
      return;
    }
    if (!is_one_of(methods, check.method())) problems.add("method type \"{}\" not supported in Nomad http check", check.method());
    if (check.check_restart().ignore_warnings()) problems.add("ignore_warnings on check_restart only supported for Consul service checks");
    if (check.expose()) problems.add("expose may only be set for Consul service checks");
    if (check.address_mode() == "driver") problems.add("address_mode = driver may only be set for Consul service checks");
  }
  // Clients know only the first sentence of a check.
  auto inner = problems_of(check, service).take();
  if (!inner.empty()) problems.add("Check {} invalid: {}", check.name(), inner.front());
}

Problems problems_of(const Service& service) {
  Problems problems;
  if (!is_service_name(service.name())) {
    problems.add("Service name must be valid per RFC 1123 and can contain only alphanumeric characters or dashes and must be no longer than "
                 "63 characters: \"{}\"",
                 service.name());
  }
  static constexpr std::string_view modes[] = {"", "auto", "host", "driver", "alloc", "alloc_ipv6"};
  if (!is_one_of(modes, service.address_mode())) {
    problems.add("Service address_mode must be \"auto\", \"host\", or \"driver\"; not \"{}\"", service.address_mode());
  }
  if (!service.address().empty() && service.address_mode() != "auto") problems.add("Service address_mode must be \"auto\" if address is set");
  static constexpr std::string_view providers[] = {"consul", "nomad"};
  if (!is_one_of(providers, service.provider())) problems.add("Service provider must be \"consul\" or \"nomad\"; not \"{}\"", service.provider());
  static constexpr std::string_view updates[] = {"", "require_healthy", "ignore_warnings", "ignore"};
  if (!is_one_of(updates, service.on_update())) problems.add("Service on_update must be \"require_healthy\", \"ignore_warnings\", or \"ignore\"; not \"{}\"", service.on_update());
  if (service.has_identity() && service.identity().audience_size() == 0) problems.add("Service identity must provide at least one target aud value");
  if (service.has_connect() && service.provider() == "nomad") problems.add("Service with provider nomad cannot include Connect blocks");
  problems.add_all(problems_of_connect(service));
  for (const auto& check : service.checks()) add_check_problems(check, service, problems);
  return problems;
}

void add_labels(const google::protobuf::RepeatedPtrField<NetworkResource>& networks, std::set<std::string>& labels) {
  for (const auto& network : networks) {
    for (const auto& port : network.reserved_ports()) labels.insert(port.label());
    for (const auto& port : network.dynamic_ports()) labels.insert(port.label());
  }
}

/// Labels that are referred to, with who refers to them.
void note_reference(const std::string& label, const Service& service, std::map<std::string, std::set<std::string>>& references) {
  const bool plain = service.address_mode() == "driver" && is_number(label);
  if (!label.empty() && !plain) references[label].insert(service.name());
}

void add_provider_problems(const TaskGroup& group, Problems& problems) {
  std::set<std::string> providers;
  for (const auto& service : group.services()) providers.insert(service.provider());
  for (const auto& task : group.tasks()) {
    for (const auto& service : task.services()) providers.insert(service.provider());
  }
  if (providers.size() > 1) problems.add("Multiple service providers used: task group services must use the same provider");
}

void add_port(const Port& port, const NetworkResource& network, std::map<std::string, std::string>& labels,
              std::map<std::pair<std::string, std::int64_t>, std::string>& taken, Problems& problems) {
  if (port.label().empty()) problems.add("Port Label cannot be empty");
  const auto [at, is_new] = labels.try_emplace(port.label(), "taskgroup network");
  if (!is_new) problems.add("Port label {} already in use by {}", port.label(), at->second);
  if (port.value() > 65535) problems.add("Port {} ({}) cannot be greater than 65535", port.label(), port.value());
  if (port.value() < 0) problems.add("Port {} ({}) cannot be negative", port.label(), port.value());
  if (port.to() > 65535) problems.add("Port {} to ({}) cannot be greater than 65535", port.label(), port.to());
  if (port.to() < -1) problems.add("Port \"{}\" cannot be mapped to negative value {}", port.label(), port.to());
  const bool host = network.mode().empty() || network.mode() == "host";
  if (port.ignore_collision() && !host) problems.add("Port \"{}\" can only ignore collisions in host network mode", port.label());
  if (port.value() <= 0 || port.ignore_collision()) return;
  const auto [holder, is_first] = taken.try_emplace({port.host_network(), port.value()}, port.label());
  if (!is_first) problems.add("Static port {} already reserved by taskgroup network:{}", port.value(), holder->second);
}

}  // namespace

Problems problems_of_services(const TaskGroup& group) {
  Problems problems;
  std::set<std::pair<std::string, std::string>> seen;
  for (int i = 0; i < group.services_size(); ++i) {
    const Service& service = group.services(i);
    problems.add_within(text("Service[{}] {} validation failed", i, service.name()), problems_of(service));
    if (!seen.emplace(service.name(), service.port_label()).second) problems.add("Service {} is duplicate", service.name());
  }
  add_provider_problems(group, problems);
  return problems;
}

Problems problems_of_services(const Task& task, const TaskGroup& group) {
  Problems problems;
  std::map<std::string, std::set<std::string>> references;
  for (int i = 0; i < task.services_size(); ++i) {
    const Service& service = task.services(i);
    problems.add_within(text("service[{}] \"{}\" validation failed", i, service.name()), problems_of(service));
    note_reference(service.port_label(), service, references);
    for (const auto& check : service.checks()) {
      const bool driver = check.address_mode() == "driver" && is_number(check.port_label());
      if (!driver) note_reference(check.port_label(), service, references);
    }
  }
  std::set<std::string> labels;
  add_labels(group.networks(), labels);
  add_labels(task.resources().networks(), labels);
  for (const auto& [label, services] : references) {
    if (labels.contains(label)) continue;
    std::string names;
    for (const auto& name : services) names += (names.empty() ? "" : ", ") + name;
    problems.add("port label \"{}\" referenced by services {} does not exist", label, names);
  }
  return problems;
}

Problems problems_of_networks(const TaskGroup& group) {
  Problems problems;
  std::map<std::string, std::string> labels;
  std::map<std::pair<std::string, std::int64_t>, std::string> taken;
  for (const auto& network : group.networks()) {
    for (const auto& port : network.reserved_ports()) add_port(port, network, labels, taken, problems);
    for (const auto& port : network.dynamic_ports()) add_port(port, network, labels, taken, problems);
    static constexpr std::string_view modes[] = {"", "host", "bridge", "none"};
    if (!is_one_of(modes, network.mode()) && !network.mode().starts_with("cni/")) problems.add("Invalid network mode: \"{}\"", network.mode());
    if (network.has_dns() && !network.hostname().empty() && network.mode() == "host") problems.add("hostname is not supported in host network mode");
  }
  return problems;
}

Problems problems_of_volumes(const TaskGroup& group, const Job& job) {
  Problems problems;
  std::map<std::string, const VolumeRequest*> sorted;
  for (const auto& [name, volume] : group.volumes()) sorted.emplace(name, &volume);
  for (const auto& [name, request] : sorted) {
    const VolumeRequest& volume = *request;
    Problems inner;
    if (volume.type() != "host" && volume.type() != "csi") inner.add("volume has unrecognized type {}", volume.type());
    if (volume.source().empty()) inner.add("volume has an empty source");
    const bool many = job.type() == "system" || job.type() == "sysbatch";
    if (volume.per_alloc() && many) inner.add("volume cannot be per_alloc for system or sysbatch jobs");
    if (volume.per_alloc() && group.update().canary() > 0) inner.add("volume cannot be per_alloc when canaries are in use");
    if (volume.per_alloc() && volume.sticky()) inner.add("volume cannot be per_alloc and sticky at the same time");
    if (volume.type() == "csi" && volume.attachment_mode().empty()) inner.add("CSI volumes must have an attachment mode");
    if (volume.type() == "csi" && volume.access_mode().empty()) inner.add("CSI volumes must have an access mode");
    if (volume.type() == "host" && volume.has_mount_options()) inner.add("host volumes cannot have mount options");
    problems.add_within("Task group volume validation for " + name + " failed", inner);
  }
  return problems;
}

}  // namespace drover::model
