// Recorded answers of the program we are compatible with: read by us and written again, nothing may be lost.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "model/json/codec.h"
#include "model/proto/job.pb.h"
#include "tests/paths.h"

namespace drover::model {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;

fs::path shared_dir() {
  const char* given = std::getenv("DROVER_SHARED");
  return given ? fs::path(given) : tests::source_dir().parent_path() / "shared";
}

std::string file_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Members that carry something: null, empty lists and empty objects say the same as a missing one.
bool says_nothing(const bj::value& value) {
  return value.is_null() || (value.is_array() && value.get_array().empty()) || (value.is_object() && value.get_object().empty());
}

/// The place of the first thing in `want` that `got` does not say; empty when there is none.
std::string missing_in(const bj::value& want, const bj::value& got, const std::string& place) {
  if (says_nothing(want)) return says_nothing(got) ? "" : place + ": want nothing, got " + bj::serialize(got);
  if (want.is_object() && got.is_object()) {
    for (const auto& member : want.get_object()) {
      const auto* other = got.get_object().if_contains(member.key());
      const auto problem = missing_in(member.value(), other ? *other : bj::value(), place + '.' + std::string(member.key()));
      if (!problem.empty()) return problem;
    }
    return {};
  }
  if (want.is_array() && got.is_array()) {
    const auto& list = want.get_array();
    if (list.size() != got.get_array().size()) return place + ": the lengths differ";
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto problem = missing_in(list[i], got.get_array()[i], place + '[' + std::to_string(i) + ']');
      if (!problem.empty()) return problem;
    }
    return {};
  }
  return want == got ? "" : place + ": want " + bj::serialize(want) + ", got " + bj::serialize(got);
}

TEST_CASE("recorded jobs lose nothing on their way through our messages") {
  const fs::path corpora = shared_dir() / "corpora";
  if (!fs::exists(corpora)) {
    WARN("not run: the recorded jobs are absent (" << corpora << "; set DROVER_SHARED)");
    return;
  }
  int files = 0;
  for (const auto* group : {"jobspecs", "targeted", "defaults"}) {
    for (const auto& folder : fs::directory_iterator(corpora / group)) {
      for (const auto* name : {"parsed.json", "canonical.json", "stored.json"}) {
        const auto text = file_text(folder.path() / name);
        if (text.empty()) continue;
        bj::error_code problem;
        const bj::value want = bj::parse(text, problem);
        if (problem || !want.is_object() || want.get_object().contains("HTTPStatus")) continue;
        Job job;
        const auto read = from_json(text, job);
        INFO(folder.path() / name);
        REQUIRE((read.ok() ? "" : read.error().message) == "");
        CHECK(missing_in(want, bj::parse(to_json(job)), "Job") == "");
        ++files;
      }
    }
  }
  WARN("jobs compared: " << files);
  CHECK(files > 0);
}

}  // namespace
}  // namespace drover::model
