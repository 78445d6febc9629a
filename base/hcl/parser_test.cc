#include "base/hcl/parser.h"

#include <catch2/catch.hpp>

namespace drover::hcl {
namespace {

Diagnostics errors_of(std::string text) {
  Diagnostics out;
  parse_file("job.hcl", std::move(text), out);
  return out;
}

std::string only_error(std::string text) {
  const Diagnostics out = errors_of(std::move(text));
  REQUIRE(out.size() == 1);
  return to_text(out[0].subject) + " " + out[0].summary;
}

TEST_CASE("blocks, labels and attributes are read with their places", "[hcl]") {
  Diagnostics out;
  const File file = parse_file("job.hcl", "job \"web\" {\n  count = 3\n  port x { to = 80 }\n}\n", out);

  REQUIRE(out.empty());
  REQUIRE(file.body.blocks.size() == 1);
  const Block& job = file.body.blocks[0];
  CHECK(job.type == "job");
  CHECK(job.labels.at(0).text == "web");
  CHECK(to_text(job.body.attributes.at(0).value->range) == "job.hcl:2,11-12");
  CHECK(job.body.blocks.at(0).labels.at(0).text == "x");
  CHECK(job.body.blocks.at(0).body.find("to") != nullptr);
}

TEST_CASE("each mistake in a text is one error at its place", "[hcl]") {
  CHECK(only_error("a = \"x\", b = 1\n") == "job.hcl:1,8-9 Unexpected comma after argument");
  CHECK(only_error("a {\n") == "job.hcl:1,3-4 Unclosed configuration block");
  CHECK(only_error("a = 1\na = 2\n") == "job.hcl:2,1-2 Attribute redefined");
  CHECK(only_error("\"a\" = 1\n") == "job.hcl:1,1-2 Invalid argument name");
  CHECK(only_error("a = \"${b\"\n").ends_with("Extra characters after interpolation expression"));
  CHECK(only_error("a = [1, 2\nb = 3\n").ends_with("Missing item separator"));
  CHECK(only_error("a = \"x\n\nb = 1\n").ends_with("Invalid multi-line string"));
  CHECK(only_error("a = 'x'\n").ends_with("Invalid character"));
  CHECK(only_error("a = 1.2.3\n") == "job.hcl:1,5-10 Invalid number literal");
  CHECK(only_error("a = <<EOT\nx\n").ends_with("Unterminated template string"));
  CHECK(only_error("group \"${x}\" {\n}\n") == "job.hcl:1,8-10 Invalid string literal");
}

TEST_CASE("columns count what a person sees as one character", "[hcl]") {
  CHECK(only_error("a = \"e\u0301\", b\n") == "job.hcl:1,8-9 Unexpected comma after argument");
}

TEST_CASE("an error is shown with its line and carets below it", "[hcl]") {
  const Diagnostics out = errors_of("job \"a\" {\n\tcount = 3, x\n}\n");

  REQUIRE(out.size() == 1);
  CHECK(render(out[0]).find("  job.hcl:2:11\n   2: \tcount = 3, x\n      \t         ^\n") != std::string::npos);
}

TEST_CASE("single-line blocks with more than one argument give exactly the errors of the language suite", "[hcl]") {
  const Diagnostics out = errors_of(
      "a { b = \"foo\", c = \"bar\" }\na { b = \"foo\"\n}\na { b = \"foo\"\n  c = \"bar\" }\na { b = \"foo\"\n  c = \"bar\"\n}\na { d {} }\n");

  std::string places;
  for (const Diagnostic& d : out) places += to_text(d.subject) + "\n";
  CHECK(places == "job.hcl:1,14-15\njob.hcl:2,14-3,1\njob.hcl:4,14-5,1\njob.hcl:6,14-7,1\njob.hcl:9,5-8\n");
}

TEST_CASE("nesting and chains have bounds", "[hcl]") {
  CHECK(only_error("a = " + std::string(100'000, '(') + "\n").ends_with("Nested too deep"));
  CHECK(only_error("a = " + std::string(100'000, '[') + "\n").ends_with("Nested too deep"));
  CHECK(only_error("a = " + std::string(100'000, '-') + "1\n").ends_with("Nested too deep"));
  std::string blocks, sum = "a = 1", quotes = "a = ";
  for (int i = 0; i < 10'000; ++i) blocks += "a {\n", sum += "+1", quotes += "\"${";
  CHECK(only_error(blocks).ends_with("Nested too deep"));
  CHECK(only_error(sum + "\n").ends_with("Expression too long"));
  CHECK(only_error(quotes + "\n").ends_with("Nested too deep"));
}

TEST_CASE("every beginning of a text ends in errors, never in a crash", "[hcl]") {
  const std::string text = "j \"a\" {\n x = \"a${b.c[0].*.d ? \"x\" : f(1, [for k, v in {a = 1, \"b\" : 2}: k => v...]...)} %{ if a ~}x%{ else }y%{ endif }\"\n y = <<-E\n  a\n  ${b}\n  E\n}\n";
  for (std::size_t n = 0; n <= text.size(); ++n) errors_of(text.substr(0, n));
  for (std::size_t n = 0; n <= text.size(); ++n) errors_of(text.substr(n));
  for (int byte = 0; byte < 256; ++byte) errors_of(std::string(3, static_cast<char>(byte)) + "x = 1");
}

}  // namespace
}  // namespace drover::hcl
