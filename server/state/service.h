#pragma once

#include <compare>
#include <string>

#include "server/state/types.h"

namespace drover::server {

/// An instance of a service: registered by the agent that runs it.
struct ServiceKey {
  std::string ns;
  std::string name;
  std::string id;
  friend auto operator<=>(const ServiceKey&, const ServiceKey&) = default;
};

/// An instance, by the allocation that it belongs to.
struct AllocService {
  Uuid alloc;
  ServiceKey key;
  friend auto operator<=>(const AllocService&, const AllocService&) = default;
};

}  // namespace drover::server
