#include "agent/session/outbox.h"

#include <algorithm>

#include "model/proto/session.pb.h"

namespace drover::agent {

void Outbox::put(Status status) {
  Status& waiting = waiting_[status->id()];
  // Words about services that have not been sent yet are not lost in a later status without any.
  if (waiting != nullptr && waiting->has_services() && !status->has_services()) {
    auto merged = std::make_shared<model::AllocStatus>(*status);
    *merged->mutable_services() = waiting->services();
    status = std::move(merged);
  }
  waiting = std::move(status);
}

std::unique_ptr<model::AllocStatuses> Outbox::next() {
  if (waiting_.empty() || flying_.size() >= flying_max) return nullptr;
  auto message = std::make_unique<model::AllocStatuses>();
  message->set_sequence(++sequence_);
  auto& batch = flying_[sequence_];
  while (!waiting_.empty() && batch.size() < statuses_max) {
    auto first = waiting_.begin();
    *message->add_allocs() = *first->second;
    batch.insert(waiting_.extract(first));
  }
  return message;
}

void Outbox::stored(std::uint64_t sequence) { flying_.erase(flying_.begin(), flying_.upper_bound(sequence)); }

void Outbox::connection_lost() {
  // Newest first: insert() keeps what is there, and what waits is newer than all that flew.
  for (auto batch = flying_.rbegin(); batch != flying_.rend(); ++batch)
    waiting_.insert(batch->second.begin(), batch->second.end());
  flying_.clear();
}

void Outbox::drop(const std::string& id) {
  waiting_.erase(id);
  for (auto& [sequence, batch] : flying_) batch.erase(id);
}

bool Outbox::is_told(const std::string& id) const {
  return !waiting_.contains(id) &&
         std::none_of(flying_.begin(), flying_.end(), [&id](const auto& batch) { return batch.second.contains(id); });
}

}  // namespace drover::agent
