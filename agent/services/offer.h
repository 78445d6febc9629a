#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/services/check.h"
#include "model/fwd.h"

namespace drover::model {
class ServiceRegistration;
}

/// What a group or a task offers: its services as they are registered, with their checks.
namespace drover::agent {

/// Replaces "${name}" in a text.
using Replace = std::function<std::string(const std::string&)>;

/// Whose services they are.
struct OfferInput {
  const model::Allocation& alloc;
  std::string datacenter;
  std::string group;
  std::string task;  ///< "" = the group's own
  Reach reach;
  Replace replace;
};

struct OfferedService {
  std::shared_ptr<const model::ServiceRegistration> registration;
  std::vector<CheckSpec> checks;
};

/// All services of a group, or of one of its tasks.
struct Offer {
  std::vector<OfferedService> services;
  std::vector<std::string> problems;  ///< one sentence for each service or check that cannot be offered
};

constexpr std::size_t checks_per_offer_max = 128;

/// `services` with everything that is written in them replaced. Whether they name Nomad or Consul as provider makes no
/// difference: an agent that knows no Consul serves both. Checks beyond checks_per_offer_max are a problem.
Offer make_offer(const OfferInput& input, const std::vector<model::Service>& services);

/// "_nomad-task-<alloc id>-<task, or group-<group>>-<service>-<port label>".
std::string registration_id(const OfferInput& input, const std::string& service, const std::string& port);

}  // namespace drover::agent
