#include "model/cron.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "model/proto/job.pb.h"
#include "tests/instant_text.h"
#include "tests/recorded.h"

namespace drover::model {
namespace {

using namespace std::chrono;
using tests::instant_of;

Instant at(year_month_day day, nanoseconds time = {}) { return Instant(sys_days(day)) + time; }

Instant next(std::string_view spec, Instant after, const std::string& zone = "UTC") {
  const auto cron = Cron::parse(spec);
  REQUIRE(cron.ok());
  const auto found = cron->next(after, *TimeZone::load(zone));
  REQUIRE(found.has_value());
  return *found;
}

/// What the recorded program does and ours does not: it launches again and again on the day before one that a country
/// left out, misses a time at which clocks that skip half an hour arrive, and no longer launches at all once one of
/// several expressions has no further time.
bool is_mistaken(const boost::json::object& item) {
  const bool circles = item.at("zone") == "Pacific/Apia" && item.at("from").as_string().starts_with("2011");
  return circles || item.at("id") == "cron/163" || item.at("id") == "cron/222";
}

Result<std::vector<Instant>> launches(const boost::json::object& item) {
  PeriodicConfig periodic;
  periodic.set_time_zone(std::string(item.at("zone").as_string()));
  if (const auto* spec = item.if_contains("spec")) periodic.set_spec(std::string(spec->as_string()));
  if (const auto* specs = item.if_contains("specs")) {
    for (const auto& spec : specs->as_array()) periodic.add_specs(std::string(spec.as_string()));
  }
  DROVER_LET(const Schedule schedule, Schedule::of(periodic));
  std::vector<Instant> found;
  Instant from = instant_of(std::string(item.at("from").as_string()));
  for (std::int64_t i = 0; i < item.at("count").to_number<std::int64_t>(); ++i) {
    const auto launch = schedule.next(from);
    if (!launch) break;
    found.push_back(*launch);
    from = *launch;
  }
  return found;
}

}  // namespace

TEST_CASE("a launch comes strictly after the time that is asked about") {
  CHECK(next("*/15 * * * *", at(2024y / May / 1, 10h)) == at(2024y / May / 1, 10h + 15min));
  CHECK(next("*/15 * * * *", at(2024y / May / 1, 10h - 1ns)) == at(2024y / May / 1, 10h));
}

TEST_CASE("either of two restricted day fields is enough") {
  CHECK(next("0 0 13 * FRI", at(2024y / February / 1)) == at(2024y / February / 2));
  CHECK(next("0 0 13 * FRI", at(2024y / February / 9)) == at(2024y / February / 13));
}

TEST_CASE("a weekday range may end on Sunday as 7") {
  CHECK(next("0 0 * * 6-7", at(2024y / February / 3)) == at(2024y / February / 4));
}

TEST_CASE("the working day nearest to a day stays within its month") {
  CHECK(next("0 0 1W * *", at(2024y / May / 31)) == at(2024y / June / 3));
  CHECK(next("0 0 LW * *", at(2024y / June / 1)) == at(2024y / June / 28));
}

TEST_CASE("a time that never comes is told as such") {
  CHECK_FALSE(Cron::parse("0 0 30 2 *")->next(at(2024y / May / 1), TimeZone::utc()));
}

TEST_CASE("a local time that is skipped does not come, one that is shown twice comes twice") {
  CHECK(next("30 2 * * *", at(2024y / March / 30, 12h), "Europe/Berlin") == at(2024y / April / 1, 30min));
  CHECK(next("30 2 * * *", at(2024y / October / 27), "Europe/Berlin") == at(2024y / October / 27, 30min));
  CHECK(next("30 2 * * *", at(2024y / October / 27, 30min), "Europe/Berlin") == at(2024y / October / 27, 90min));
}

TEST_CASE("what is no expression is refused and names the field") {
  CHECK(Cron::parse("60 * * * *").error().message == "syntax error in minute field: '60'");
  CHECK(Cron::parse("* * * * mon#6").error().message == "syntax error in day-of-week field: 'mon#6'");
  CHECK(Cron::parse("* * * * L").error().message == "syntax error in day-of-week field: 'L'");
  CHECK(Cron::parse("* * , * *").error().message == "day-of-month field: missing directive");
  CHECK(Cron::parse("*/99999999999 * * * *").error().message == "syntax error in minute field: '*/99999999999'");
  CHECK_FALSE(Cron::parse("").ok());
  CHECK_FALSE(Cron::parse("- - - - -").ok());
}

TEST_CASE("recorded schedules launch when they were recorded to") {
  const auto folder = tests::recorded_or_skip("corpora");
  if (folder.empty()) return;
  const auto table = tests::recorded_json(folder / "tables" / "cron.json");
  REQUIRE(table);
  int cases = 0;
  for (const auto& value : table->at("cases").as_array()) {
    const auto& item = value.as_object();
    if (is_mistaken(item)) continue;
    INFO(boost::json::serialize(item));
    const auto found = launches(item);
    ++cases;
    if (item.if_contains("error")) {
      CHECK((!found.ok() || found->empty()));
      continue;
    }
    REQUIRE(found.ok());
    std::vector<Instant> wanted;
    for (const auto& text : item.at("next").as_array()) {
      if (!text.as_string().empty()) wanted.push_back(instant_of(std::string(text.as_string())));
    }
    CHECK(*found == wanted);
  }
  CHECK(cases > 150);
}

}  // namespace drover::model
