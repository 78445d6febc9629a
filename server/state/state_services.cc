#include <set>
#include <utility>

#include "model/proto/registration.pb.h"
#include "model/proto/session.pb.h"
#include "server/state/bytes.h"
#include "server/state/state.h"

// The registrations of services: whole sets, an allocation at a time.
namespace drover::server {
namespace {

ServiceKey key_of(const model::ServiceRegistration& service) {
  return ServiceKey{service.namespace_(), service.service_name(), service.id()};
}

/// Whether they say the same, whenever it was said.
bool same(const model::ServiceRegistration& a, const model::ServiceRegistration& b) {
  model::ServiceRegistration left = a;
  left.set_create_index(b.create_index());
  left.set_modify_index(b.modify_index());
  return to_bytes(left) == to_bytes(b);
}

}  // namespace

// Reading.

void Snapshot::each_service(const ServiceKey& from, const Visit<model::ServiceRegistration>& visit) const {
  tables_.services.each(from, [&visit](const ServiceKey&, const auto& service) { return visit(*service); });
}

void Snapshot::each_instance(std::string_view ns, std::string_view name, const Visit<model::ServiceRegistration>& visit) const {
  each_service(ServiceKey{std::string(ns), std::string(name), ""}, [&](const model::ServiceRegistration& service) {
    return service.namespace_() == ns && service.service_name() == name && visit(service);
  });
}

void Snapshot::each_service_of_alloc(const Uuid& alloc, const Visit<model::ServiceRegistration>& visit) const {
  tables_.services_by_alloc.each(AllocService{alloc, {}}, [&](const AllocService& member, const Nothing&) {
    return member.alloc == alloc && visit(**tables_.services.find(member.key));
  });
}

const model::ServiceRegistration* Snapshot::service(const ServiceKey& key) const {
  const auto* found = tables_.services.find(key);
  return found ? found->get() : nullptr;
}

Index Snapshot::service_index(std::string_view ns, std::string_view name) const {
  const Index* known = tables_.service_index.find(JobKey{std::string(ns), std::string(name)});
  return known ? *known : index(Topic::services);
}

bool Snapshot::says_of_services(const Uuid& alloc, const model::AllocServices& services) const {
  std::set<ServiceKey> known;
  each_service_of_alloc(alloc, [&known](const model::ServiceRegistration& service) { return known.insert(key_of(service)), true; });
  if (known.size() != static_cast<std::size_t>(services.services_size())) return true;
  for (const auto& said : services.services()) {
    const model::ServiceRegistration* held = service(key_of(said));
    if (!held || held->alloc_id() != said.alloc_id() || !same(said, *held)) return true;
  }
  return false;
}

// Changing.

void State::put_services(const Uuid& alloc, const model::AllocServices& services) {
  std::set<ServiceKey> gone;
  each_service_of_alloc(alloc, [&gone](const model::ServiceRegistration& service) { return gone.insert(key_of(service)), true; });
  for (const auto& said : services.services()) {
    gone.erase(key_of(said));
    put_service(said);
  }
  for (const ServiceKey& key : gone) erase_service(key);
}

void State::put_service(model::ServiceRegistration service) {
  const ServiceKey key = key_of(service);
  const model::ServiceRegistration* old = Snapshot::service(key);
  if (old && same(service, *old)) return;
  // Who looks for the service sees a ready instance as new, whenever it was registered.
  const bool appears = !service.unready() && (!old || old->unready());
  const bool seen = !service.unready() || (old && !old->unready());
  service.set_create_index(old && !appears ? old->create_index() : tables_.index);
  service.set_modify_index(tables_.index);
  insert_service(std::make_shared<const model::ServiceRegistration>(std::move(service)));
  changed_service(key, seen);
}

void State::insert_service(std::shared_ptr<const model::ServiceRegistration> service) {
  const ServiceKey key = key_of(*service);
  tables_.services_by_alloc.put(AllocService{parse_uuid(service->alloc_id()), key}, Nothing{});
  tables_.services.put(key, std::move(service));
}

bool State::erase_service(const ServiceKey& key) {
  const auto* found = tables_.services.find(key);
  if (!found) return false;
  const std::shared_ptr<const model::ServiceRegistration> old = *found;
  tables_.services.erase(key);
  tables_.services_by_alloc.erase(AllocService{parse_uuid(old->alloc_id()), key});
  changed_service(key, !old->unready());
  return true;
}

void State::drop_services(const Uuid& alloc) { put_services(alloc, model::AllocServices()); }

/// `seen`: those who look for the service find something else than before.
void State::changed_service(const ServiceKey& key, bool seen) {
  const JobKey name{key.ns, key.name};
  bool any = false;
  each_instance(key.ns, key.name, [&any](const model::ServiceRegistration&) { return any = true, false; });
  if (!any) {
    tables_.service_index.erase(name);
  } else if (seen || !tables_.service_index.find(name)) {
    tables_.service_index.put(name, tables_.index);
  }
  changed(Topic::services, name);
}

}  // namespace drover::server
