#include "plugins/docker/reap.h"

#include "plugins/docker/create.h"

namespace drover::docker {

std::vector<std::string> leftovers(const std::vector<ListedContainer>& all, const std::set<std::string>& known, const std::string& node, std::int64_t made_before_s) {
  std::vector<std::string> out;
  for (const ListedContainer& container : all) {
    const auto owner = container.labels.find(std::string(node_label));
    const bool is_ours = owner != container.labels.end() && owner->second == node && container.labels.contains(std::string(task_label));
    if (is_ours && container.created_s < made_before_s && !known.contains(container.id)) out.push_back(container.id);
  }
  return out;
}

}  // namespace drover::docker
