#include "agent/session/desired.h"

#include <vector>

#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

/// Whether it is what came before, as in most of a full set after a lost connection. The time tells indexes apart that a
/// server restored from a backup gives a second time.
bool is_known(const model::Allocation& known, const model::Allocation& alloc) {
  return known.modify_index() == alloc.modify_index() && known.modify_time() == alloc.modify_time() && alloc.modify_index() > 0;
}

}  // namespace

void Desired::begin_session() { jobs_.clear(); }

void Desired::forget() {
  index_ = 0;
  complete_ = false;
}

Result<void> Desired::apply(const model::DesiredAllocs& message) {
  if (message.full()) complete_ = true;
  if (!complete_) {
    forget();
    return fail(Code::conflict, "the server sent changes of allocations before the whole set");
  }
  for (const model::Job& job : message.jobs()) {
    jobs_[{job.namespace_(), job.id(), job.version(), job.create_index()}] = std::make_shared<const model::Job>(job);
  }
  std::map<std::string, const model::AllocJob*> job_of;
  for (const model::AllocJob& entry : message.alloc_jobs()) job_of[entry.alloc_id()] = &entry;

  // All or nothing: a message that cannot be understood changes nothing.
  std::vector<std::shared_ptr<const model::Allocation>> whole;
  for (const model::Allocation& alloc : message.allocs()) {
    const auto known = allocs_.find(alloc.id());
    if (known != allocs_.end() && is_known(*known->second, alloc)) {
      whole.push_back(known->second);
      continue;
    }
    auto copy = std::make_shared<model::Allocation>(alloc);
    const auto entry = job_of.find(alloc.id());
    if (entry != job_of.end()) {
      const model::AllocJob& which = *entry->second;
      const auto job = jobs_.find({which.namespace_(), which.job_id(), which.version(), which.job_create_index()});
      if (job != jobs_.end()) *copy->mutable_job() = *job->second;
    }
    if (!copy->has_job()) {
      forget();
      return fail(Code::conflict, "the server sent allocation {} without its job {}", alloc.id(), alloc.job_id());
    }
    whole.push_back(std::move(copy));
  }
  if (message.full()) allocs_.clear();
  for (auto& alloc : whole) allocs_[alloc->id()] = alloc;
  for (const std::string& id : message.removed()) allocs_.erase(id);
  index_ = message.index();
  return {};
}

}  // namespace drover::agent
