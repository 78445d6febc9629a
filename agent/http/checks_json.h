#pragma once

#include <string>

namespace drover::agent {

class AllocRunner;

/// The checks of an allocation as the API shows them, by id.
std::string checks_json(const AllocRunner& alloc);

}  // namespace drover::agent
