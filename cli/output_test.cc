#include "cli/output.h"

#include <catch2/catch.hpp>

using namespace drover;
using namespace drover::cli;

TEST_CASE("a table pads its columns and names empty cells") {
  CHECK(table({{"ID", "Class"}, {"worker-1", ""}}) == "ID        Class\nworker-1  <none>");
}

TEST_CASE("key and value lines align") { CHECK(key_values({{"ID", "x"}, {"Name", ""}}) == "ID   = x\nName = <none>"); }

TEST_CASE("ages are told in two units") {
  const Instant now = from_ns(1'000'000'000'000'000);
  auto before = [&](std::int64_t seconds) { return ago(to_ns(now) - seconds * 1'000'000'000, now); };

  CHECK(before(5) == "5s ago");
  CHECK(before(65) == "1m5s ago");
  CHECK(before(3700) == "1h1m ago");
  CHECK(before(90000) == "1d1h ago");
  CHECK(ago(0, now) == "N/A");
}

TEST_CASE("durations read as Go writes them") {
  CHECK(duration_text(0) == "0s");
  CHECK(duration_text(1'500'000'000) == "1.5s");
  CHECK(duration_text(90'000'000'000) == "1m30s");
  CHECK(duration_text(3'600'000'000'000) == "1h0m0s");
  CHECK(duration_text(500'000) == "500µs");
}

TEST_CASE("API times become nanoseconds, Go's zero time nothing") {
  Value object = Value::map();
  object.set("A", "1970-01-01T00:00:01.5Z").set("B", "0001-01-01T00:00:00Z");

  CHECK(time_of(object, "A") == 1'500'000'000);
  CHECK(time_of(object, "B") == 0);
  CHECK(time_of(object, "C") == 0);
}

TEST_CASE("sizes have two figures at least, and no more than they need") {
  CHECK(bytes_text(3) == "3 B");
  CHECK(bytes_text(4096) == "4.0 KiB");
  CHECK(bytes_text(32.0 * 1024 * 1024) == "32 MiB");
  CHECK(bytes_text(1.25 * 1024 * 1024 * 1024) == "1.2 GiB");
}
