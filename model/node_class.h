#pragma once

#include <string>

#include "model/fwd.h"

namespace drover::model {

/// The computed class of a node, "v1:<number>": nodes of one class are the same to every constraint that looks at no
/// attribute marked unique. From datacenter, class, pool, attributes, meta and devices; not from sizes, drivers' health
/// or volumes. Pure.
std::string computed_class(const Node& node);

}  // namespace drover::model
