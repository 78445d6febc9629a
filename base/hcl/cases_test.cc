#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/hcl/eval.h"
#include "base/hcl/format.h"
#include "base/hcl/functions_impl.h"
#include "base/hcl/parser.h"
#include "base/hcl/tree_text.h"
#include "base/loop/random.h"
#include "tests/paths.h"

/// The cases of base/hcl/cases: a text, a line "----", what comes of it, a line "====". A file's name says what is done
/// with its texts: eval_* evaluates expressions, parse_* shows the tree of files, format_* lays them out. With
/// DROVER_REWRITE_DOCS set, what comes of them is written anew: read the difference before you commit it.
namespace drover::hcl {
namespace {

namespace fs = std::filesystem;

std::string lines_of(const Diagnostics& problems) {
  std::string out;
  for (const Diagnostic& problem : problems) out += one_line(problem) + "\n";
  return out;
}

std::string evaluated(const std::string& text) {
  SeededRandom random(1);
  const Functions functions = standard_functions(World{&random, nullptr});
  Scope scope;
  Budget budget;
  scope.use(functions);
  scope.use(budget);
  scope.set("n", Datum(std::int64_t{3}));
  scope.set("s", Datum("text"));
  scope.set("none", Datum::null());
  scope.set("l", Datum::list(Kind::string, {Datum("a"), Datum("b"), Datum("c")}));
  scope.set("m", Datum::map(Kind::number, {{"x", Datum(std::int64_t{1})}, {"y", Datum(std::int64_t{2})}}));
  scope.set("o", Datum::object({{"name", Datum("web")}, {"ports", Datum::tuple({Datum(std::int64_t{80}), Datum(std::int64_t{443})})}}));
  scope.set("people", Datum::tuple({Datum::object({{"name", Datum("ada")}, {"tags", Datum::tuple({Datum("x")})}}), Datum::object({{"name", Datum("ben")}, {"tags", Datum::tuple({})}})}));
  Diagnostics problems;
  const auto source = Source::make("case", text);
  const ExpressionPtr parsed = parse_expression(*source, problems);
  if (has_errors(problems)) return lines_of(problems);
  const Datum value = evaluate(*parsed, &scope, problems);
  if (has_errors(problems)) return lines_of(problems);
  const auto json = detail::json_text(value);
  return to_text(value.type()) + ": " + (json.ok() ? *json : json.error().message) + "\n";
}

std::string parsed(const std::string& text) {
  Diagnostics problems;
  const File file = parse_file("case", text, problems);
  return has_errors(problems) ? lines_of(problems) : tree_text(file.body) + "\n";
}

std::string outcome(const std::string& kind, const std::string& text) {
  if (kind.starts_with("eval_")) return evaluated(text.substr(0, text.size() - 1));
  return kind.starts_with("parse_") ? parsed(text) : format(text);
}

TEST_CASE("each case gives what its file says", "[hcl]") {
  const fs::path folder = tests::source_dir() / "base" / "hcl" / "cases";
  constexpr std::string_view divider = "----\n", closing = "====\n";
  std::set<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) files.insert(entry.path());
  int count = 0;
  for (const fs::path& path : files) {
    std::ifstream in(path, std::ios::binary);
    const std::string whole(std::istreambuf_iterator<char>(in), {});
    std::string today;
    for (std::string_view rest = whole; !rest.empty(); ++count) {
      const std::size_t middle = rest.find(divider), end = rest.find(closing);
      INFO(path << ": " << rest.substr(0, middle));
      REQUIRE(middle < end);
      REQUIRE(end != std::string_view::npos);
      const std::string text(rest.substr(0, middle)), wanted(rest.substr(middle + divider.size(), end - middle - divider.size()));
      const std::string found = outcome(path.filename().string(), text);
      if (!std::getenv("DROVER_REWRITE_DOCS")) CHECK(found == wanted);
      today.append(text).append(divider).append(found).append(closing);
      rest.remove_prefix(end + closing.size());
    }
    if (std::getenv("DROVER_REWRITE_DOCS")) std::ofstream(path, std::ios::binary) << today;
  }
  std::cout << "note: " << count << " cases of base/hcl/cases\n";
  CHECK(count >= 600);
}

}  // namespace
}  // namespace drover::hcl
