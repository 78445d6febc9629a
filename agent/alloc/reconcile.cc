#include "agent/alloc/reconcile.h"

namespace drover::agent {

Actions reconcile(const DesiredAllocs& desired, const LocalAllocs& local) {
  Actions actions;
  for (const auto& [id, wish] : desired) {
    const auto here = local.find(id);
    if (here != local.end()) {
      const bool came_back = wish.ended && !here->second.ended;
      if (wish.index > here->second.index || came_back) actions.update.push_back(id);
    } else if (wish.ended) {
      continue;  // over before we knew it
    } else if (wish.run) {
      actions.add.push_back(id);
    } else {
      actions.report_ended.push_back(id);
    }
  }
  for (const auto& [id, here] : local) {
    if (!desired.contains(id)) actions.remove.push_back(id);
  }
  return actions;
}

}  // namespace drover::agent
