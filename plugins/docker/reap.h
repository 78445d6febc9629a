#pragma once

#include <set>
#include <string>
#include <vector>

#include "plugins/docker/engine.h"

namespace drover::docker {

/// The containers of our node that no task needs: labelled with it, made before `made_before_s`, and not known to us.
std::vector<std::string> leftovers(const std::vector<ListedContainer>& all, const std::set<std::string>& known, const std::string& node, std::int64_t made_before_s);

}  // namespace drover::docker
