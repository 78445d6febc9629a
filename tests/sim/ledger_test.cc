#include "tests/sim/ledger.h"

#include <catch2/catch.hpp>

using drover::sim::Ledger;

TEST_CASE("a job must be as its last acknowledged request left it") {
  Ledger ledger;
  CHECK(ledger.allows("web", {}));
  CHECK_FALSE(ledger.allows("web", {1, false}));

  ledger.sent("web", {1, false});
  CHECK(ledger.allows("web", {1, false}));
  CHECK(ledger.allows("web", {}));
  ledger.acknowledged("web");

  CHECK(ledger.allows("web", {1, false}));
  CHECK_FALSE(ledger.allows("web", {}));
}

TEST_CASE("a request without an answer may have happened or not, until a later one is acknowledged") {
  Ledger ledger;
  ledger.sent("web", {1, false});
  ledger.acknowledged("web");
  ledger.sent("web", {2, false});
  ledger.unanswered("web");
  CHECK(ledger.allows("web", {1, false}));
  CHECK(ledger.allows("web", {2, false}));

  ledger.sent("web", {2, true});
  ledger.refused("web");
  CHECK_FALSE(ledger.allows("web", {2, true}));

  ledger.sent("web", {3, false});
  ledger.acknowledged("web");
  CHECK_FALSE(ledger.allows("web", {2, false}));
  CHECK(ledger.expected("web") == "revision 3");
}
