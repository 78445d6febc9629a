#include "base/loop/duplex_pair.h"

#include <catch2/catch.hpp>
#include <thread>

#include "base/loop/scope.h"
#include "base/loop/start.h"

using namespace drover;

namespace {

Async<void> collect(Duplex<int, std::string>& end, std::vector<std::string>& got) {
  for (;;) {
    Result<std::string> message = co_await end.receive();
    if (!message) {
      got.push_back(std::string(to_text(message.error().code)) + ": " + message.error().message);
      co_return;
    }
    got.push_back(std::move(*message));
  }
}

Async<int> echo(Duplex<std::string, int>& end) {
  int sum = 0;
  for (;;) {
    Result<int> number = co_await end.receive();
    if (!number) co_return sum;
    sum += *number;
    (void)end.send(std::to_string(*number));
  }
}

Async<int> ask(Duplex<int, std::string>& end, int count) {
  int answers = 0;
  for (int i = 1; i <= count; ++i) {
    (void)end.send(i);
    const Result<std::string> answer = co_await end.receive();
    if (answer.ok() && *answer == std::to_string(i)) ++answers;
  }
  end.close("asked enough");
  co_return answers;
}

}  // namespace

TEST_CASE("messages arrive in order, and what was sent before the close still arrives") {
  VirtualTime time;
  VirtualLoop first(time);
  VirtualLoop second(time);
  auto [left, right] = duplex_pair<int, std::string>(first, second);
  std::vector<std::string> got;
  start(first, collect(*left, got));

  CHECK(right->send("a").ok());
  CHECK(right->send("b").ok());
  right->close("done for today");
  time.run_until_idle();

  CHECK(got == std::vector<std::string>{"a", "b", "unavailable: done for today"});
  CHECK(left->send(1).error().code == Code::unavailable);
}

TEST_CASE("an end that goes away is seen by the other") {
  VirtualTime time;
  VirtualLoop first(time);
  VirtualLoop second(time);
  auto [left, right] = duplex_pair<int, std::string>(first, second);
  std::vector<std::string> got;
  start(first, collect(*left, got));
  time.run_until_idle();

  right.reset();
  time.run_until_idle();

  CHECK(got == std::vector<std::string>{"unavailable: the other side is gone"});
}

TEST_CASE("a reader that does not read fills the queue, and the sender is told") {
  VirtualTime time;
  VirtualLoop first(time);
  VirtualLoop second(time);
  auto [left, right] = duplex_pair<int, std::string>(first, second, 2);

  CHECK(left->send(1).ok());
  CHECK(left->send(2).ok());
  CHECK(left->send(3).error().code == Code::exhausted);
}

TEST_CASE("waiting for a message ends when the waiter is cancelled") {
  VirtualTime time;
  VirtualLoop first(time);
  VirtualLoop second(time);
  auto [left, right] = duplex_pair<int, std::string>(first, second);
  std::vector<std::string> got;
  Scope scope(first);
  scope.spawn(collect(*left, got));
  time.run_until_idle();

  scope.cancel();
  time.run_until_idle();

  CHECK(got == std::vector<std::string>{"cancelled: the wait for a message was cancelled"});
}

TEST_CASE("two loops on two threads talk") {
  constexpr int count = 2000;
  RealLoop first;
  RealLoop second;
  auto [left, right] = duplex_pair<int, std::string>(first, second);
  int sum = 0;
  std::thread other([&second, &sum, end = right.get()] { sum = run(second, echo(*end)); });

  const int answers = run(first, ask(*left, count));
  other.join();

  CHECK(answers == count);
  CHECK(sum == count * (count + 1) / 2);
}
