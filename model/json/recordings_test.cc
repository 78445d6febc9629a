// Recorded answers of the program we are compatible with: read by us and written again, nothing may be lost.
#include <filesystem>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "model/json/codec.h"
#include "model/proto/job.pb.h"
#include "tests/recorded.h"

namespace drover::model {
namespace {

TEST_CASE("recorded jobs lose nothing on their way through our messages") {
  const auto corpora = tests::recorded_or_skip("corpora");
  if (corpora.empty()) return;
  int files = 0;
  for (const auto* group : {"jobspecs", "targeted", "defaults"}) {
    for (const auto& folder : std::filesystem::directory_iterator(corpora / group)) {
      for (const auto* name : {"parsed.json", "canonical.json", "stored.json"}) {
        const auto want = tests::recorded_json(folder.path() / name);
        if (!want || want->as_object().contains("HTTPStatus")) continue;
        Job job;
        const auto read = from_json(boost::json::serialize(*want), job);
        INFO(folder.path() / name);
        REQUIRE((read.ok() ? "" : read.error().message) == "");
        const Form form = std::string_view(name) == "stored.json" ? Form::stored : Form::sent;
        CHECK(tests::first_difference(*want, boost::json::parse(to_json(job, form)), "Job") == "");
        ++files;
      }
    }
  }
  WARN("jobs compared: " << files);
  CHECK(files > 0);
}

}  // namespace
}  // namespace drover::model
