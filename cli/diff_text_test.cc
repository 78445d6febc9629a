#include "cli/diff_text.h"

#include <catch2/catch.hpp>

#include "base/json/json.h"

using namespace drover;
using namespace drover::cli;

namespace {

std::string shown(const std::string& json, bool verbose = false) { return job_diff_text(json::parse(json).value(), verbose, Paint(false)); }

const std::string new_job = R"({"Type": "Added", "ID": "web", "Fields": [{"Type": "Added", "Name": "Type", "Old": "", "New": "service"}, {"Type": "Added", "Name": "Priority", "Old": "", "New": "50"}],
  "Objects": [{"Type": "Added", "Name": "Datacenters", "Fields": [{"Type": "Added", "Name": "Datacenters", "New": "dc1"}]}],
  "TaskGroups": [{"Type": "Added", "Name": "g", "Updates": {"create": 2}, "Tasks": [{"Type": "Added", "Name": "t", "Annotations": ["forces create"]}]}]})";

}  // namespace

TEST_CASE("a new job shows its groups and tasks only, all of it when asked") {
  CHECK(shown(new_job) ==
        "+ Job: \"web\"\n"
        "+ Task Group: \"g\" (2 create)\n"
        "  + Task: \"t\" (forces create)");
  CHECK(shown(new_job, true) ==
        "+ Job: \"web\"\n"
        "+ Type:     \"service\"\n"
        "+ Priority: \"50\"\n"
        "+ Datacenters {\n"
        "  + Datacenters: \"dc1\"\n"
        "  }\n"
        "+ Task Group: \"g\" (2 create)\n"
        "  + Task: \"t\" (forces create)");
}

TEST_CASE("markers of a block end in one column, and unchanged parts stand below the names of changed ones") {
  CHECK(shown(R"({"Type": "Edited", "ID": "web", "TaskGroups": [{"Type": "Edited", "Name": "g", "Updates": {"in-place update": 1, "create": 1},
    "Fields": [{"Type": "Edited", "Name": "Count", "Old": "1", "New": "2", "Annotations": ["forces create"]}], "Tasks": [{"Type": "None", "Name": "t"}]}]})") ==
        "+/- Job: \"web\"\n"
        "+/- Task Group: \"g\" (1 create, 1 in-place update)\n"
        "  +/- Count: \"1\" => \"2\" (forces create)\n"
        "      Task: \"t\"");
  CHECK(shown(R"({"Type": "Edited", "ID": "web", "TaskGroups": [{"Type": "Edited", "Name": "g", "Updates": {"create/destroy update": 1},
    "Tasks": [{"Type": "Edited", "Name": "t", "Annotations": ["forces create/destroy update"], "Objects": [{"Type": "Edited", "Name": "Config", "Fields": [
      {"Type": "None", "Name": "args[0]", "Old": "-c", "New": "-c"}, {"Type": "Edited", "Name": "args[1]", "Old": "a", "New": "b"},
      {"Type": "Deleted", "Name": "uid", "Old": "3", "New": ""}]}]}]}]})") ==
        "+/- Job: \"web\"\n"
        "+/- Task Group: \"g\" (1 create/destroy update)\n"
        "  +/- Task: \"t\" (forces create/destroy update)\n"
        "    +/- Config {\n"
        "          args[0]: \"-c\"\n"
        "      +/- args[1]: \"a\" => \"b\"\n"
        "        - uid:     \"3\"\n"
        "        }");
}

TEST_CASE("a job that stays as it is shows its parts without markers") {
  CHECK(shown(R"({"Type": "None", "ID": "web", "TaskGroups": [{"Type": "None", "Name": "g", "Updates": {"ignore": 1}, "Tasks": [{"Type": "None", "Name": "t"}]}]})") ==
        "Job: \"web\"\nTask Group: \"g\" (1 ignore)\n  Task: \"t\"");
}
