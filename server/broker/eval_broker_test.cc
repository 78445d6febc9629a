#include "server/broker/eval_broker.h"

#include <catch2/catch.hpp>

#include "model/proto/evaluation.pb.h"

namespace drover::server {
namespace {

constexpr Instant start{};

EvalPtr eval(int n, const std::string& job, std::int64_t priority = 50, Instant wait_until = {}) {
  Uuid id;
  id.bytes[0] = 1;
  id.bytes[15] = static_cast<std::uint8_t>(n);
  auto made = std::make_shared<model::Evaluation>();
  made->set_id(to_text(id));
  made->set_namespace_("default");
  made->set_job_id(job);
  made->set_priority(priority);
  made->set_create_index(static_cast<std::uint64_t>(n));
  made->set_modify_index(static_cast<std::uint64_t>(n));
  made->set_wait_until(to_ns(wait_until));
  return made;
}

}  // namespace

TEST_CASE("the most urgent evaluation comes first, then the oldest") {
  EvalBroker broker;
  const auto low = eval(1, "a", 10);
  const auto first = eval(2, "b");
  const auto second = eval(3, "c");
  for (const auto& one : {low, second, first}) broker.enqueue(one, start);

  CHECK(broker.dequeue(0s)->eval == first);
  CHECK(broker.dequeue(0s)->eval == second);
  CHECK(broker.dequeue(0s)->eval == low);
  CHECK_FALSE(broker.dequeue(0s).has_value());
}

TEST_CASE("two evaluations of one job are never out at once, and the newest stands for those that waited") {
  EvalBroker broker;
  const auto first = eval(1, "web");
  const auto old = eval(2, "web");
  const auto newest = eval(3, "web");
  for (const auto& one : {first, old, newest}) broker.enqueue(one, start);
  const auto delivery = broker.dequeue(0s);
  REQUIRE(delivery->eval == first);
  CHECK_FALSE(broker.dequeue(0s).has_value());

  const auto overtaken = broker.ack(*delivery);

  CHECK(overtaken == std::vector<EvalPtr>{old});
  CHECK(broker.dequeue(0s)->eval == newest);
}

TEST_CASE("what is not acked within its lease comes again, and is given up after so many times") {
  EvalBroker broker;
  broker.enqueue(eval(1, "web"), start);
  Duration uptime = 0s;
  for (int n = 1; n <= EvalBroker::deliveries_max; ++n) {
    const auto delivery = broker.dequeue(uptime);
    REQUIRE(delivery.has_value());
    uptime += EvalBroker::lease;
    const auto failed = broker.tick(uptime, start);
    CHECK_FALSE(broker.holds(*delivery));
    CHECK(failed.size() == (n == EvalBroker::deliveries_max ? 1u : 0u));
    uptime += 5 * EvalBroker::redelivery_delay;
    broker.tick(uptime, start);
  }
  CHECK_FALSE(broker.dequeue(uptime).has_value());
}

TEST_CASE("an evaluation that is to wait is not given out before its time") {
  EvalBroker broker;
  broker.enqueue(eval(1, "web", 50, start + 30s), start);
  CHECK_FALSE(broker.dequeue(0s).has_value());
  CHECK(broker.until_next(0s, start) == 30s);

  broker.tick(0s, start + 29s);
  CHECK_FALSE(broker.dequeue(0s).has_value());
  broker.tick(0s, start + 30s);
  CHECK(broker.dequeue(0s).has_value());
}

TEST_CASE("a forgotten evaluation makes way for the next of its job") {
  EvalBroker broker;
  const auto first = eval(1, "web");
  const auto next = eval(2, "web");
  broker.enqueue(first, start);
  broker.enqueue(next, start);

  broker.forget(parse_uuid(first->id()));

  CHECK(broker.dequeue(0s)->eval == next);
}

}  // namespace drover::server
