#include "base/hcl/format.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <catch2/catch.hpp>

#include "base/hcl/parser.h"
#include "base/hcl/tree_text.h"
#include "tests/paths.h"

namespace drover::hcl {
namespace {

TEST_CASE("equals signs and comments of neighbouring lines stand one below the other", "[hcl]") {
  CHECK(format("a = 1 # one\nlong_name=2 // two\n\nb   =3\n") == "a         = 1 # one\nlong_name = 2 // two\n\nb = 3\n");
}

TEST_CASE("each open bracket indents what follows by two spaces", "[hcl]") {
  CHECK(format("job \"x\" {\ngroup \"g\" {\nlist = [\n1,\n   2,\n]\n}\n}\n") == "job \"x\" {\n  group \"g\" {\n    list = [\n      1,\n      2,\n    ]\n  }\n}\n");
  CHECK(format("a = f([{\nb = 1\n}])\n") == "a = f([{\n  b = 1\n}])\n");
}

TEST_CASE("what belongs together is not torn apart", "[hcl]") {
  CHECK(format("a=[ for x in [1]:x+ -1 ]\n") == "a = [for x in [1] : x + -1]\n");
  CHECK(format("a=!b.c [0] ? f ( 1 , 2... ):{x=1}\n") == "a = !b.c[0] ? f(1, 2...) : { x = 1 }\n");
  CHECK(format("a=\"x${ b }%{ if c }y%{ endif }\"\n") == "a = \"x${b}%{if c}y%{endif}\"\n");
  CHECK(format("a {}\nb { }\n") == "a {}\nb {}\n");
}

TEST_CASE("comments and the inside of heredocs stay", "[hcl]") {
  const std::string text = "# top\n\n/* two\n   lines */\na = <<EOT\n   kept   as it is  \n\tEOT\n\nb /* here */ = 1\n";
  CHECK(format(text) == text);
}

namespace fs = std::filesystem;

/// Our own seeds of the fuzzers, and recorded job files where they are.
std::vector<fs::path> texts() {
  const char* given = std::getenv("DROVER_SHARED");
  const fs::path recorded = (given ? fs::path(given) : tests::source_dir().parent_path() / "shared") / "corpora";
  std::vector<fs::path> out;
  for (const fs::path& root : {tests::source_dir() / "tests" / "fuzz" / "seeds", tests::source_dir() / "packaging" / "examples", recorded / "jobspecs", recorded / "targeted"}) {
    if (!fs::exists(root)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
      if (entry.path().extension() == ".hcl" && entry.path().filename() != "formatted.hcl") out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

TEST_CASE("laid out twice is as once, and means what the text meant", "[hcl]") {
  int parsed = 0;
  for (const fs::path& path : texts()) {
    INFO(path);
    std::ifstream in(path, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    Diagnostics problems, later;
    const File before = parse_file("x.hcl", text, problems);
    if (has_errors(problems)) continue;
    ++parsed;
    const std::string once = format(text);
    if (format(once) != once) FAIL_CHECK("laid out twice differs");
    const File after = parse_file("x.hcl", once, later);
    if (has_errors(later)) FAIL_CHECK("the laid out text does not parse");
    if (tree_text(after.body) != tree_text(before.body)) FAIL_CHECK("the laid out text means something else");
  }
  CHECK(parsed >= 20);
}

TEST_CASE("an index after a number stays one", "[hcl]") { CHECK(format("a = 1 . 5\n") == "a = 1 .5\n"); }

}  // namespace
}  // namespace drover::hcl
