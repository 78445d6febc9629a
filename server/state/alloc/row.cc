#include "server/state/alloc/row.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <type_traits>

#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/session.pb.h"
#include "server/state/bytes.h"

namespace drover::server {
namespace {

/// Descriptions that nearly all allocations have. Positions are stored in rows, but not outside the process.
constexpr std::string_view known_texts[] = {
    "",
    "alloc not needed due to job update",
    "alloc is being migrated",
    "alloc is being updated due to job update",
    "alloc is lost since its node is down",
    "alloc not needed as node is tainted",
    "alloc was rescheduled because it failed",
    "No tasks have started",
    "Tasks are pending",
    "Tasks are running",
    "All tasks have completed",
    "Failed tasks",
};
constexpr std::uint8_t text_in_rest = 255;
constexpr std::uint16_t group_in_rest = 0xffff;
constexpr std::size_t ports_max = 250;

std::uint8_t text_number(std::string_view text) {
  const auto at = std::find(std::begin(known_texts), std::end(known_texts), text);
  return at == std::end(known_texts) ? text_in_rest : static_cast<std::uint8_t>(at - std::begin(known_texts));
}

template <class Status>
std::optional<Status> status_of(std::string_view text, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (to_text(static_cast<Status>(i)) == text) return static_cast<Status>(i);
  }
  return std::nullopt;
}

/// Takes an id out of the message when the row can hold it exactly.
Uuid take_id(std::string& text) {
  const Uuid id = parse_uuid(text);
  if (id.is_nil() || to_text(id) != text) return Uuid{};
  text.clear();
  return id;
}

Wish wish_of(bool has, bool value) { return !has ? Wish::unset : value ? Wish::yes : Wish::no; }

Transitions transitions_of(const model::DesiredTransition& wanted) {
  return Transitions{
      .migrate = wish_of(wanted.has_migrate(), wanted.migrate()),
      .reschedule = wish_of(wanted.has_reschedule(), wanted.reschedule()),
      .force_reschedule = wish_of(wanted.has_force_reschedule(), wanted.force_reschedule()),
      .no_shutdown_delay = wish_of(wanted.has_no_shutdown_delay(), wanted.no_shutdown_delay()),
      .migrate_disable_placement = wish_of(wanted.has_migrate_disable_placement(), wanted.migrate_disable_placement()),
  };
}

void set_transitions(const Transitions& from, model::DesiredTransition& to) {
  if (from.migrate != Wish::unset) to.set_migrate(from.migrate == Wish::yes);
  if (from.reschedule != Wish::unset) to.set_reschedule(from.reschedule == Wish::yes);
  if (from.force_reschedule != Wish::unset) to.set_force_reschedule(from.force_reschedule == Wish::yes);
  if (from.no_shutdown_delay != Wish::unset) to.set_no_shutdown_delay(from.no_shutdown_delay == Wish::yes);
  if (from.migrate_disable_placement != Wish::unset) {
    to.set_migrate_disable_placement(from.migrate_disable_placement == Wish::yes);
  }
}

/// Visits what differs between allocations of one shape: every port and every address, in a fixed order. For constant
/// and for changeable messages.
template <class Given, class OnPort, class OnAddress>
void each_port(Given& given, OnPort on_port, OnAddress on_address) {
  constexpr bool fixed = std::is_const_v<Given>;
  const auto network = [&on_port, &on_address](auto& net) {
    if constexpr (fixed) {
      on_address(net.ip());
      for (const auto& port : net.reserved_ports()) on_port(port);
      for (const auto& port : net.dynamic_ports()) on_port(port);
    } else {
      on_address(*net.mutable_ip());
      for (auto& port : *net.mutable_reserved_ports()) on_port(port);
      for (auto& port : *net.mutable_dynamic_ports()) on_port(port);
    }
  };
  if constexpr (fixed) {
    for (const auto& net : given.shared().networks()) network(net);
    for (const auto& port : given.shared().ports()) on_address(port.host_ip()), on_port(port);
  } else if (given.has_shared()) {
    for (auto& net : *given.mutable_shared()->mutable_networks()) network(net);
    for (auto& port : *given.mutable_shared()->mutable_ports()) on_address(*port.mutable_host_ip()), on_port(port);
  }
  std::vector<std::string> tasks;
  for (const auto& [name, task] : given.tasks()) {
    if (task.networks_size() > 0) tasks.push_back(name);
  }
  std::sort(tasks.begin(), tasks.end());
  for (const auto& name : tasks) {
    if constexpr (fixed) {
      for (const auto& net : given.tasks().at(name).networks()) network(net);
    } else {
      for (auto& net : *(*given.mutable_tasks())[name].mutable_networks()) network(net);
    }
  }
}

/// Ports and address in packed form; "" when there are none, or they do not fit it (more ports than ports_max, several
/// addresses): then they stay in the shape, which is not shared with others in practice.
std::string packed_net(const model::AllocatedResources& given) {
  std::vector<std::int64_t> values;
  const std::string* address = nullptr;
  bool one_address = true;
  each_port(
      given, [&values](const auto& port) { values.push_back(port.value()); },
      [&address, &one_address](const std::string& text) {
        one_address = one_address && (!address || *address == text);
        address = &text;
      });
  const bool fits = !values.empty() && values.size() <= ports_max && one_address &&
                    std::all_of(values.begin(), values.end(), [](auto value) { return value >= 0 && value <= 0xffff; });
  if (!fits) return {};

  std::string net(1, static_cast<char>(values.size()));
  for (const auto value : values) {
    net.push_back(static_cast<char>(value & 0xff));
    net.push_back(static_cast<char>(value >> 8));
  }
  return net + *address;
}

std::uint16_t port_at(const std::string& net, std::size_t i) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(net[1 + 2 * i]) |
                                    (static_cast<std::uint8_t>(net[2 + 2 * i]) << 8));
}

std::size_t port_count(const std::string& net) { return net.empty() ? 0 : static_cast<std::uint8_t>(net[0]); }

model::AllocatedResources join(const AllocRow& row) {
  model::AllocatedResources given;
  if (row.shape) given.ParseFromString(row.shape->bytes);
  if (row.net.empty()) return given;
  std::size_t next = 0;
  const std::string address(address_of(row));
  each_port(
      given, [&next, &row](auto& port) { port.set_value(port_at(row.net, next++)); },
      [&address](std::string& text) { text = address; });
  return given;
}

/// name[number] of a job's group, where the name is the regular one.
std::optional<std::uint32_t> regular_number(std::string_view name, std::string_view job_id, std::string_view group) {
  const std::size_t head = job_id.size() + 1 + group.size();
  if (name.size() < head + 3 || name.substr(0, job_id.size()) != job_id || name[job_id.size()] != '.' ||
      name.substr(job_id.size() + 1, group.size()) != group || name[head] != '[' || name.back() != ']') {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(head + 1, name.size() - head - 2);
  if (digits.size() > 1 && digits[0] == '0') return std::nullopt;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::string regular_name(std::string_view job_id, std::string_view group, std::uint32_t number) {
  std::string name(job_id);
  name.append(".").append(group).append("[").append(std::to_string(number)).append("]");
  return name;
}

}  // namespace

std::vector<HeldPort> ports_held(const AllocRow& row) {
  std::vector<HeldPort> held;
  for (std::size_t i = 0; i < port_count(row.net); ++i) held.push_back(HeldPort{std::string(address_of(row)), port_at(row.net, i)});
  if (row.net.empty() && row.shape && row.shape->has_ports) {
    auto given = join(row);
    std::string address;
    each_port(
        given,
        [&held, &address](auto& port) { held.push_back(HeldPort{address, static_cast<std::uint16_t>(port.value())}); },
        [&address](std::string& text) { address = text; });
  }
  std::erase_if(held, [](const HeldPort& port) { return port.port == 0; });
  std::sort(held.begin(), held.end());
  held.erase(std::unique(held.begin(), held.end()), held.end());
  return held;
}

std::vector<std::uint16_t> ports_of(const AllocRow& row) {
  std::vector<std::uint16_t> ports;
  for (const HeldPort& held : ports_held(row)) ports.push_back(held.port);
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  return ports;
}

std::string_view address_of(const AllocRow& row) {
  const std::size_t head = row.net.empty() ? 0 : 1 + 2 * port_count(row.net);
  return std::string_view(row.net).substr(head);
}

std::shared_ptr<const ResourceShape> shape_of(const model::Allocation& alloc) {
  if (!alloc.has_allocated_resources()) return nullptr;
  auto shape = std::make_shared<ResourceShape>();
  for (const auto& [name, task] : alloc.allocated_resources().tasks()) {
    shape->cores.insert(shape->cores.end(), task.cpu().reserved_cores().begin(), task.cpu().reserved_cores().end());
    shape->has_devices |= task.devices_size() > 0;
  }
  std::sort(shape->cores.begin(), shape->cores.end());
  shape->capacity = model::capacity_of(alloc.allocated_resources());
  const model::AllocatedResources& given = alloc.allocated_resources();
  if (packed_net(given).empty()) {
    each_port(
        given, [&shape](const auto& port) { shape->has_ports |= port.value() > 0; }, [](const std::string&) {});
    shape->bytes = to_bytes(given);
  } else {
    model::AllocatedResources common = given;
    each_port(
        common, [](auto& port) { port.set_value(0); }, [](std::string& address) { address.clear(); });
    shape->bytes = to_bytes(common);
  }
  return shape;
}

namespace {

/// The fields of a message that have no place of their own in the row, and those the row cannot hold exactly.
model::Allocation rest_of(const model::Allocation& alloc) {
  static_assert(model::Allocation::kModifyTimeFieldNumber == 36, "a new field needs a place: in the row, or here");
  model::Allocation rest;
  if (alloc.alloc_states_size() > 0) *rest.mutable_alloc_states() = alloc.alloc_states();
  if (alloc.has_deployment_status()) *rest.mutable_deployment_status() = alloc.deployment_status();
  if (alloc.has_reschedule_tracker()) *rest.mutable_reschedule_tracker() = alloc.reschedule_tracker();
  if (alloc.network_status().ByteSizeLong() > 0) *rest.mutable_network_status() = alloc.network_status();
  if (alloc.preempted_allocations_size() > 0) *rest.mutable_preempted_allocations() = alloc.preempted_allocations();
  if (!alloc.preempted_by_allocation().empty()) rest.set_preempted_by_allocation(alloc.preempted_by_allocation());
  if (!alloc.signing_key_id().empty()) rest.set_signing_key_id(alloc.signing_key_id());
  return rest;
}

/// The id, or the text itself put into `rest`.
Uuid id_or_rest(const std::string& text, std::string* (model::Allocation::*field)(), model::Allocation& rest) {
  if (text.empty()) return {};
  std::string copy = text;
  const Uuid id = take_id(copy);
  if (!copy.empty()) *(rest.*field)() = std::move(copy);
  return id;
}

template <class Status>
Status status_or_rest(const std::string& text, std::size_t count, std::string* (model::Allocation::*field)(), model::Allocation& rest) {
  const auto status = status_of<Status>(text, count);
  if (!status && !text.empty()) *(rest.*field)() = text;
  return status.value_or(Status{});
}

std::uint8_t text_or_rest(const std::string& text, std::string* (model::Allocation::*field)(), model::Allocation& rest) {
  const auto number = text_number(text);
  if (number == text_in_rest) *(rest.*field)() = text;
  return number;
}

void take_name(const model::Allocation& alloc, const model::Job* job, AllocRow& row, model::Allocation& rest) {
  row.group = group_in_rest;
  for (int i = 0; job && i < job->task_groups_size(); ++i) {
    if (job->task_groups(i).name() != alloc.task_group()) continue;
    const auto number = regular_number(alloc.name(), alloc.job_id(), alloc.task_group());
    if (!number) break;
    row.group = static_cast<std::uint16_t>(i);
    row.name_index = *number;
    return;
  }
  rest.set_name(alloc.name());
  rest.set_task_group(alloc.task_group());
}

}  // namespace

AllocRow from_message(const model::Allocation& alloc, const model::Job* job) {
  using Alloc = model::Allocation;
  AllocRow row;
  Alloc left = rest_of(alloc);
  row.id = parse_uuid(alloc.id());
  take_name(alloc, job, row, left);
  row.desired = status_or_rest<DesiredStatus>(alloc.desired_status(), 3, &Alloc::mutable_desired_status, left);
  row.client = status_or_rest<ClientStatus>(alloc.client_status(), 6, &Alloc::mutable_client_status, left);
  row.desired_text = text_or_rest(alloc.desired_description(), &Alloc::mutable_desired_description, left);
  row.client_text = text_or_rest(alloc.client_description(), &Alloc::mutable_client_description, left);
  row.transitions = transitions_of(alloc.desired_transition());
  row.host_network = alloc.has_network_status() && alloc.network_status().ByteSizeLong() == 0;
  if (const auto& status = alloc.deployment_status(); status.has_healthy()) row.health = status.healthy() ? Health::healthy : Health::unhealthy;
  row.canary = alloc.deployment_status().canary();
  row.create_index = alloc.create_index();
  row.modify_index = alloc.modify_index();
  row.alloc_modify_index = alloc.alloc_modify_index();
  row.create_time = alloc.create_time();
  row.modify_time = alloc.modify_time();
  row.net = packed_net(alloc.allocated_resources());
  if (alloc.task_states_size() > 0) {
    model::AllocStatus states;
    *states.mutable_task_states() = alloc.task_states();
    row.task_states = to_bytes(states);
  }

  AllocRest rest;
  rest.previous = id_or_rest(alloc.previous_allocation(), &Alloc::mutable_previous_allocation, left);
  rest.next = id_or_rest(alloc.next_allocation(), &Alloc::mutable_next_allocation, left);
  rest.followup_eval = id_or_rest(alloc.followup_eval_id(), &Alloc::mutable_followup_eval_id, left);
  rest.has_reschedule_tracker = left.has_reschedule_tracker();
  rest.bytes = to_bytes(left);
  const bool ordinary = rest.previous.is_nil() && rest.next.is_nil() && rest.followup_eval.is_nil() && rest.bytes.empty();
  if (!ordinary) row.rest = std::make_shared<const AllocRest>(std::move(rest));
  return row;
}

namespace {

void set_id(const Uuid& id, std::string* field) {
  if (!id.is_nil()) *field = to_text(id);
}

}  // namespace

model::Allocation to_message(const AllocRow& row, const AllocNames& names) {
  model::Allocation alloc;
  if (row.rest) alloc.ParseFromString(row.rest->bytes);
  set_id(row.id, alloc.mutable_id());
  set_id(names.node, alloc.mutable_node_id());
  set_id(names.eval, alloc.mutable_eval_id());
  set_id(names.deployment, alloc.mutable_deployment_id());
  set_id(row.previous(), alloc.mutable_previous_allocation());
  set_id(row.next(), alloc.mutable_next_allocation());
  set_id(row.followup_eval(), alloc.mutable_followup_eval_id());
  alloc.set_namespace_(names.job_key.ns);
  alloc.set_job_id(names.job_key.id);
  alloc.set_node_name(std::string(names.node_name));
  if (row.group != group_in_rest && names.job) {
    const std::string& group = names.job->task_groups(row.group).name();
    alloc.set_task_group(group);
    alloc.set_name(regular_name(names.job_key.id, group, row.name_index));
  }
  if (alloc.desired_status().empty()) alloc.set_desired_status(std::string(to_text(row.desired)));
  if (alloc.client_status().empty()) alloc.set_client_status(std::string(to_text(row.client)));
  if (row.desired_text != text_in_rest) alloc.set_desired_description(std::string(known_texts[row.desired_text]));
  if (row.client_text != text_in_rest) alloc.set_client_description(std::string(known_texts[row.client_text]));
  set_transitions(row.transitions, *alloc.mutable_desired_transition());
  if (row.host_network) alloc.mutable_network_status();
  alloc.set_create_index(row.create_index);
  alloc.set_modify_index(row.modify_index);
  alloc.set_alloc_modify_index(row.alloc_modify_index);
  alloc.set_create_time(row.create_time);
  alloc.set_modify_time(row.modify_time);
  if (row.shape) *alloc.mutable_allocated_resources() = join(row);
  if (row.metrics) *alloc.mutable_metrics() = *row.metrics;
  if (!row.task_states.empty()) {
    model::AllocStatus states;
    states.ParseFromString(row.task_states);
    alloc.mutable_task_states()->swap(*states.mutable_task_states());
  }
  return alloc;
}

}  // namespace drover::server
