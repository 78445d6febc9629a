#include "agent/alloc/reconcile.h"

#include <catch2/catch.hpp>

namespace drover::agent {

TEST_CASE("what is wanted and not here is added, what is newer is updated, what is forgotten is removed", "[agent]") {
  const DesiredAllocs desired = {{"new", {5, true, false}}, {"same", {3, true, false}}, {"newer", {4, false, false}}};
  const LocalAllocs local = {{"same", {3, false}}, {"newer", {3, false}}, {"gone", {2, true}}};

  const Actions actions = reconcile(desired, local);

  CHECK(actions.add == std::vector<std::string>{"new"});
  CHECK(actions.update == std::vector<std::string>{"newer"});
  CHECK(actions.remove == std::vector<std::string>{"gone"});
  CHECK(actions.report_ended.empty());
}

TEST_CASE("what was stopped before it came here is reported as ended, what ended elsewhere is left alone", "[agent]") {
  const Actions actions =
      reconcile({{"stopped", {5, false, false}}, {"lost", {5, false, true}}, {"done", {5, true, true}}}, {});

  CHECK(actions.report_ended == std::vector<std::string>{"stopped"});
  CHECK(actions.add.empty());
}

TEST_CASE("what has ended for the server and runs here, for its end was not stored, learns that", "[agent]") {
  const Actions actions = reconcile({{"a", {5, true, true}}, {"b", {5, true, true}}}, {{"a", {5, false}}, {"b", {5, true}}});

  CHECK(actions.update == std::vector<std::string>{"a"});
  CHECK(actions.add.empty());
}

TEST_CASE("an older wish than the one carried out changes nothing", "[agent]") {
  CHECK(reconcile({{"a", {3, true, false}}}, {{"a", {7, false}}}) == Actions{});
}

}  // namespace drover::agent
