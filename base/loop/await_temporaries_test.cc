// What compilers do to temporaries in a statement with co_await. Some destroy them twice, or take a bitwise copy;
// drover's rule (name them on the line before) avoids the patterns, this test says whether the compiler is sound.

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <tuple>

#include "base/loop/start.h"

using namespace drover;

namespace {

std::set<const void*> living;
int wrong = 0;

/// Knows every living object of itself, so that a second destruction or a bitwise copy is noticed.
struct Tracked {
  explicit Tracked(std::string its_text = "a text too long for the small string buffer") : text(std::move(its_text)) { born(); }
  Tracked(const Tracked& other) : text(other.text) { born(); }
  Tracked(Tracked&& other) noexcept : text(std::move(other.text)) { born(); }
  Tracked& operator=(const Tracked&) = default;
  ~Tracked() {
    if (living.erase(this) == 0) ++wrong;
  }
  void born() {
    if (!living.insert(this).second) ++wrong;
  }
  bool sound() const { return living.contains(this); }

  std::string text;
};

struct Aggregate {
  Tracked first;
  Tracked second;
  int number = 0;
};

struct Nested {
  Aggregate inner;
  std::vector<Tracked> list;
};

Loop* loop = nullptr;

void note(bool sound) { wrong += sound ? 0 : 1; }

Async<int> by_value(Aggregate value) {
  co_await loop->sleep(1ms);
  note(value.first.sound() && value.second.sound());
  co_return value.number;
}
Async<int> by_const_reference(const Aggregate& value) {
  co_await loop->sleep(1ms);
  note(value.first.sound() && value.second.sound());
  co_return value.number;
}
Async<int> by_rvalue(Aggregate&& value) {
  const Aggregate mine = std::move(value);
  co_await loop->sleep(1ms);
  note(mine.first.sound());
  co_return mine.number;
}
Async<int> nested(Nested value) {
  co_await loop->sleep(1ms);
  note(value.inner.first.sound() && value.list.size() == 2 && value.list[1].sound());
  co_return value.inner.number;
}
template <class F>
Async<int> call(F work) {
  co_await loop->sleep(1ms);
  co_return work();
}
Async<int> call_function(std::function<int()> work) {
  co_await loop->sleep(1ms);
  co_return work();
}
Async<int> two(Aggregate first, int second) {
  co_await loop->sleep(1ms);
  note(first.first.sound());
  co_return first.number + second;
}
Async<Aggregate> make(int number) {
  co_await loop->sleep(1ms);
  co_return Aggregate{Tracked(), Tracked(), number};
}
Async<int> with_default(Aggregate value = Aggregate{Tracked(), Tracked(), 1}) {
  co_await loop->sleep(1ms);
  note(value.second.sound());
  co_return value.number;
}
Async<int> text_of(std::string text) {
  co_await loop->sleep(1ms);
  co_return static_cast<int>(text.size());
}

using Pattern = Async<int> (*)();

Async<int> p01() { co_return co_await by_value(Aggregate{Tracked(), Tracked(), 1}); }
Async<int> p02() { co_return co_await by_value({.first = Tracked(), .second = Tracked(), .number = 1}); }
Async<int> p03() { co_return co_await by_const_reference(Aggregate{Tracked(), Tracked(), 1}); }
Async<int> p04() { co_return co_await by_rvalue(Aggregate{Tracked(), Tracked(), 1}); }
Async<int> p05() { co_return co_await nested(Nested{{Tracked(), Tracked(), 1}, {Tracked(), Tracked()}}); }
Async<int> p06() {
  const Tracked kept;
  co_return co_await call([kept] { return kept.sound() ? 1 : 0; });
}
Async<int> p07() {
  const Tracked kept;
  co_return co_await call_function([kept] { return kept.sound() ? 1 : 0; });
}
Async<int> p08() {
  const auto kept = std::make_shared<Tracked>();
  co_return co_await call([kept, copy = *kept] { return kept->sound() && copy.sound() ? 1 : 0; });
}
Async<int> p09() { co_return co_await two(Aggregate{Tracked(), Tracked(), 0}, co_await by_value(Aggregate{Tracked(), Tracked(), 1})); }
Async<int> p10() { co_return (co_await make(1)).number; }
Async<int> p11() {
  const auto [first, second, number] = co_await make(1);
  note(first.sound() && second.sound());
  co_return number;
}
Async<int> p12() {
  const bool yes = living.size() < 1'000'000;
  co_return yes ? co_await by_value(Aggregate{Tracked(), Tracked(), 1}) : co_await by_value(Aggregate{Tracked(), Tracked(), 2});
}
Async<int> p13() { co_return co_await with_default(); }
Async<int> p14() {
  int sum = 0;
  for (int i = 0; i < 3; ++i) sum += co_await by_value(Aggregate{Tracked(), Tracked(), i});
  co_return sum == 3 ? 1 : 0;
}
Async<int> p15() {
  if (co_await by_value(Aggregate{Tracked(), Tracked(), 1}) == 1 && co_await by_const_reference({Tracked(), Tracked(), 1}) == 1) co_return 1;
  co_return 0;
}
Async<int> p16() {
  const std::string half(40, 'x');
  const auto sizes = std::make_tuple(co_await text_of(half + half), co_await text_of(Tracked(half).text + "!"));
  co_return std::get<0>(sizes) == 80 && std::get<1>(sizes) == 41 ? 1 : 0;
}

}  // namespace

TEST_CASE("the compiler keeps temporaries in co_await statements whole, in all sixteen patterns") {
  constexpr Pattern patterns[] = {p01, p02, p03, p04, p05, p06, p07, p08, p09, p10, p11, p12, p13, p14, p15, p16};
  VirtualTime time;
  VirtualLoop its_loop(time);
  loop = &its_loop;

  for (std::size_t i = 0; i < std::size(patterns); ++i) {
    INFO("pattern " << i + 1);
    wrong = 0;
    living.clear();
    CHECK(run(time, its_loop, patterns[i]()) == 1);
    time.run_until_idle();
    CHECK(wrong == 0);
    CHECK(living.empty());
  }
}
