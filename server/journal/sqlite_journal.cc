#include "server/journal/sqlite_journal.h"

#include <utility>

#include "server/journal/sqlite_store.h"

namespace drover::server {

SqliteJournal::SqliteJournal(Loop& loop, std::unique_ptr<Store> store) : loop_(loop), store_(std::move(store)), writer_(1) {}
SqliteJournal::~SqliteJournal() = default;

Result<std::unique_ptr<SqliteJournal>> SqliteJournal::open(Loop& loop, std::filesystem::path folder) {
  DROVER_LET(auto store, Store::open(std::move(folder)));
  return std::unique_ptr<SqliteJournal>(new SqliteJournal(loop, std::move(store)));
}

Async<Result<Index>> SqliteJournal::lead() {
  const std::function<Result<Index>()> work = [store = store_.get()] { return store->lead(); };
  Result<Result<Index>> answer = co_await run_on_pool<Result<Index>>(writer_, loop_, work);
  if (!answer) co_return std::move(answer).error();
  co_return *std::move(answer);
}

Async<Appended> SqliteJournal::append(Index first, Batch batch) {
  const auto shared = std::make_shared<const Batch>(std::move(batch));
  const std::function<Appended()> work = [store = store_.get(), first, shared] { return store->append(first, *shared); };
  Result<Appended> answer = co_await run_on_pool<Appended>(writer_, loop_, work);
  if (answer) co_return *std::move(answer);
  Appended lost;
  lost.outcome = answer.error().code == Code::cancelled ? Appended::Outcome::unknown : Appended::Outcome::refused;
  lost.error = std::move(answer).error();
  co_return lost;
}

Async<Result<void>> SqliteJournal::replay(Index from, std::function<Result<void>(Index, std::string_view)> visit) {
  using Page = Result<std::vector<Store::Record>>;
  for (Index next = from;;) {
    const std::function<Page()> work = [store = store_.get(), next] { return store->read(next); };
    Result<Page> answer = co_await run_on_pool<Page>(writer_, loop_, work);
    DROVER_CO_LET(const Page page, std::move(answer));
    if (!page) co_return page.error();
    if (page->empty()) co_return Result<void>();
    for (const Store::Record& record : *page) DROVER_CO_TRY(visit(record.index, record.body));
    next = page->back().index + 1;
  }
}

Async<Result<void>> SqliteJournal::trim(Index to) {
  for (bool done = false; !done;) {
    const std::function<Result<bool>()> work = [store = store_.get(), to] { return store->trim_some(to); };
    Result<Result<bool>> answer = co_await run_on_pool<Result<bool>>(writer_, loop_, work);
    DROVER_CO_LET(const Result<bool> step, std::move(answer));
    if (!step) co_return step.error();
    done = *step;
  }
  co_return Result<void>();
}

}  // namespace drover::server
