#include "model/jobspec/jobspec.h"

#include <catch2/catch.hpp>

#include "model/json/codec.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

TEST_CASE("a job file becomes a job", "[jobspec]") {
  const ParsedJob parsed = parse_job("job \"web\" {\n  group \"app\" {\n    count = 3\n    task \"server\" {\n      driver = \"raw_exec\"\n    }\n  }\n}\n", "web.hcl", {});

  INFO(hcl::render(parsed.diagnostics));
  REQUIRE(parsed.job);
  CHECK(parsed.job->id() == "web");
  CHECK(parsed.job->task_groups(0).count() == 3);
  CHECK(parsed.job->task_groups(0).tasks(0).driver() == "raw_exec");
}

}  // namespace
}  // namespace drover::model
