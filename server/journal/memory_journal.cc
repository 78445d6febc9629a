#include "server/journal/memory_journal.h"

#include <algorithm>
#include <utility>

namespace drover::server {

namespace {

Appended refused(Error error) { return Appended{Appended::Outcome::refused, std::move(error)}; }

Appended unknown(std::string_view why) { return Appended{Appended::Outcome::unknown, fail(Code::unavailable, "{}", why)}; }

}  // namespace

void MemoryDisk::store(Batch batch) {
  for (std::string& record : batch) records.push_back(std::move(record));
}

void MemoryDisk::settle(bool stored) {
  if (in_flight && stored) store(std::move(*in_flight));
  in_flight.reset();
}

Async<Result<Index>> MemoryJournal::lead() {
  term_ = ++disk_.leader;
  disk_.settle(false);
  co_return disk_.head();
}

Async<Appended> MemoryJournal::append(Index first, Batch batch) {
  ++disk_.appends;
  if (term_ == 0 || term_ != disk_.leader) co_return refused(fail(Code::conflict, "another server leads"));
  if (first != disk_.head() + 1) co_return refused(fail(Code::conflict, "append at {}, but the head is {}", first, disk_.head()));
  if (disk_.refuse) co_return refused(*disk_.refuse);
  disk_.in_flight = std::move(batch);
  if (disk_.append_delay > Duration(0)) {
    const bool slept = co_await loop_.sleep(disk_.append_delay);
    if (!slept) co_return unknown("the wait for the append was cancelled");
  }
  if (term_ != disk_.leader) co_return unknown("another server has taken over during the append");
  const bool lost = std::exchange(disk_.unknown_lost, false);
  const bool stored_unknown = std::exchange(disk_.unknown_stored, false);
  disk_.settle(!lost);
  if (lost || stored_unknown) co_return unknown("the disk did not answer");
  co_return Appended{};
}

Async<Result<void>> MemoryJournal::replay(Index from, std::function<Result<void>(Index, std::string_view)> visit) {
  if (from <= disk_.trimmed) co_return fail(Code::not_found, "the journal begins at {}, {} was asked for", disk_.trimmed + 1, from);
  for (Index index = from; index <= disk_.head(); ++index) {
    DROVER_CO_TRY(visit(index, disk_.records[index - disk_.trimmed - 1]));
  }
  co_return Result<void>();
}

Async<Result<void>> MemoryJournal::trim(Index to) {
  const Index until = std::min(to, disk_.head());
  for (; disk_.trimmed < until; ++disk_.trimmed) disk_.records.pop_front();
  co_return Result<void>();
}

}  // namespace drover::server
