#include "agent/session/outbox.h"

#include <catch2/catch.hpp>

#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

Outbox::Status status(const std::string& id, const std::string& what) {
  auto out = std::make_shared<model::AllocStatus>();
  out->set_id(id);
  out->set_client_status(what);
  return out;
}

}  // namespace

TEST_CASE("the newest status of each allocation is told, in one message", "[agent]") {
  Outbox outbox;
  outbox.put(status("a", "pending"));
  outbox.put(status("b", "pending"));
  outbox.put(status("a", "running"));

  const auto message = outbox.next();
  REQUIRE(message);
  CHECK(message->sequence() == 1);
  REQUIRE(message->allocs_size() == 2);
  CHECK(message->allocs(0).client_status() == "running");
  CHECK_FALSE(outbox.next());
  CHECK_FALSE(outbox.is_told("a"));
  outbox.stored(1);
  CHECK(outbox.is_told("a"));
  CHECK(outbox.empty());
}

TEST_CASE("what was not acknowledged when the link broke is told again, never an older state after a newer",
          "[agent]") {
  Outbox outbox;
  outbox.put(status("a", "one"));
  REQUIRE(outbox.next());
  outbox.put(status("a", "two"));
  REQUIRE(outbox.next());
  outbox.put(status("b", "x"));
  outbox.connection_lost();

  const auto again = outbox.next();
  REQUIRE(again);
  REQUIRE(again->allocs_size() == 2);
  CHECK(again->allocs(0).client_status() == "two");
  CHECK(again->sequence() == 3);
  outbox.stored(2);
  CHECK_FALSE(outbox.is_told("a"));
}

TEST_CASE("messages that wait for the server's word are bounded, and what changes meanwhile gathers", "[agent]") {
  Outbox outbox;
  for (std::size_t i = 0; i < Outbox::flying_max; ++i) {
    outbox.put(status("a", std::to_string(i)));
    REQUIRE(outbox.next());
  }
  for (int i = 0; i < 300; ++i) outbox.put(status("x" + std::to_string(i), "running"));
  CHECK_FALSE(outbox.next());
  outbox.stored(1);
  CHECK(outbox.next()->allocs_size() == static_cast<int>(Outbox::statuses_max));
}

}  // namespace drover::agent
