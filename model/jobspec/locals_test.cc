
#include <catch2/catch.hpp>

#include "model/jobspec/jobspec.h"
#include "model/json/codec.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

/// The job's meta "x" where it has one; otherwise the first error.
std::string meta_of(const std::string& above, const std::string& value) {
  const ParsedJob parsed = parse_job(above + "\njob \"a\" {\n  meta = {\n    x = " + value + "\n  }\n}\n", "a.hcl", {});
  if (!parsed.job) return hcl::one_line(parsed.diagnostics.at(0));
  return parsed.job->meta().at("x");
}

std::size_t count_errors(const std::string& above) { return parse_job(above + "\njob \"a\" {\n}\n", "a.hcl", {}).diagnostics.size(); }

TEST_CASE("locals may refer to each other in any order", "[jobspec]") {
  CHECK(meta_of("locals {\n  a = \"${local.b}!\"\n  c = 1\n}\nlocals {\n  b = local.c + 1\n}", "local.a") == "2!");
  CHECK(meta_of("locals {\n  m = {\n    k = [1, 2]\n  }\n  n = local.m.k[1]\n}", "local[\"n\"]") == "2");
  CHECK(meta_of("locals {\n  a = join(\",\", keys(local))\n  b = 1\n}", "local.a") == "b");
}

TEST_CASE("ten thousand locals in the worst order are computed once each", "[jobspec][bad]") {
  std::string text = "locals {\n";
  for (int i = 0; i < 10'000; ++i) text += "  a" + std::to_string(i) + " = local.a" + std::to_string(i + 1) + "\n";
  CHECK(meta_of(text + "  a10000 = 7\n}", "local.a0") == "7");
}

TEST_CASE("locals in a circle are one error that shows the circle", "[jobspec][bad]") {
  CHECK(meta_of("locals {\n  a = local.b\n  b = local.c\n  c = \"${local.a}\"\n  d = local.a\n}", "1") ==
        "a.hcl:2,7-14: Locals that need each other; local.a needs local.b, which needs local.c, which needs local.a. None of them can be the first: give one of them a value "
        "that does not refer to the others.");
  CHECK(meta_of("locals {\n  a = local.a + 1\n}", "1").find("local.a needs local.a.") != std::string::npos);
  CHECK(count_errors("locals {\n  a = local.b\n  b = local.a\n  c = local.d\n  d = local.c\n}") == 2);
  CHECK(meta_of("locals {\n  a = try(local.b, 1)\n  b = try(local.a, 2)\n}", "local.b") == "2");
}

TEST_CASE("a local that fails is told once, whoever uses it", "[jobspec]") {
  CHECK(count_errors("locals {\n  a = 1 + \"x\"\n  b = local.a\n  c = local.b\n}") == 1);
  CHECK(meta_of("locals {\n  abc = 1\n  b = local.abd\n}", "1").find("Unsupported attribute") != std::string::npos);
}

TEST_CASE("templates that double themselves end at the budget", "[jobspec][bad]") {
  std::string text = "locals {\n  a0 = \"xxxxxxxx\"\n";
  for (int i = 1; i < 60; ++i) text += "  a" + std::to_string(i) + " = \"${local.a" + std::to_string(i - 1) + "}${local.a" + std::to_string(i - 1) + "}\"\n";
  CHECK(meta_of(text + "}", "local.a59").find("Evaluation too large") != std::string::npos);
}

TEST_CASE("dynamic blocks that multiply end at the budget", "[jobspec][bad]") {
  std::string text = "job \"a\" {\n  dynamic \"group\" {\n    for_each = range(1000)\n    labels = [group.value]\n    content {\n      dynamic \"task\" {\n        for_each = range(1000)\n"
                     "        labels = [task.value]\n        content {\n          driver = \"x\"\n          dynamic \"template\" {\n            for_each = range(1000)\n"
                     "            content {\n              data = \"x\"\n            }\n          }\n        }\n      }\n    }\n  }\n}\n";
  const ParsedJob parsed = parse_job(text, "a.hcl", {});
  REQUIRE(hcl::has_errors(parsed.diagnostics));
  CHECK(hcl::one_line(parsed.diagnostics.at(0)).find("too large") != std::string::npos);
}

TEST_CASE("a job file of fifty megabytes is refused unread", "[jobspec][bad]") {
  CHECK(hcl::one_line(parse_job(std::string(50 * 1024 * 1024, '\n'), "a.hcl", {}).diagnostics.at(0)).find("File too large; The text has 52428800 bytes; at most 16777216 are read.") !=
        std::string::npos);
}

}  // namespace
}  // namespace drover::model
