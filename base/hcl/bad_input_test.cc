#include <catch2/catch.hpp>

#include "base/hcl/eval.h"
#include "base/hcl/format.h"
#include "base/hcl/json_body.h"
#include "base/hcl/parser.h"
#include "base/loop/random.h"

/// What no text should hold: each has a bound with a name, and one clear error.
namespace drover::hcl {
namespace {

std::string errors_of(std::string text) {
  Diagnostics out;
  parse_file("bad.hcl", std::move(text), out);
  std::string all;
  for (const Diagnostic& d : out) all += one_line(d) + "\n";
  return all;
}

std::string repeated(std::string_view part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

std::string evaluated(const std::string& expression) {
  SeededRandom random(1);
  const Functions functions = standard_functions(World{&random, nullptr});
  Scope scope;
  Budget budget;
  scope.use(functions);
  scope.use(budget);
  Diagnostics out;
  const auto source = Source::make("bad.hcl", expression);
  const ExpressionPtr parsed = parse_expression(*source, out);
  if (!has_errors(out)) evaluate(*parsed, &scope, out);
  return out.empty() ? "" : one_line(out[0]);
}

TEST_CASE("nesting ten thousand levels deep is one error that names the bound", "[hcl][bad]") {
  constexpr int levels = 10'000;
  CHECK(nesting_max == 200);
  for (const char* open : {"[", "(", "{a=", "-", "!", "f(", "\"${", "[for x in y : ", "a ? ", "a ? b : ", "x[", "x[*].y["}) {
    INFO(open);
    const std::string errors = errors_of("a = " + repeated(open, levels) + "\n");
    CHECK(errors.find("Nested too deep; Expressions and blocks may be nested 200 levels deep at most.") != std::string::npos);
    CHECK(std::count(errors.begin(), errors.end(), '\n') == 1);
  }
  CHECK(errors_of(repeated("b {\n", levels) + repeated("}\n", levels)).find("nested 200 levels deep at most") != std::string::npos);
}

TEST_CASE("operators and steps in chains of thousands are one error", "[hcl][bad]") {
  CHECK(chain_max == 1000);
  CHECK(errors_of("a = 1" + repeated(" + 1", 5000) + "\n").find("At most 1000 operators or steps may follow each other.") != std::string::npos);
  CHECK(errors_of("a = x" + repeated("[y]", 5000) + "\n").find("At most 1000 operators or steps may follow each other.") != std::string::npos);
}

TEST_CASE("a text of fifty megabytes is refused unread", "[hcl][bad]") {
  CHECK(errors_of(std::string(50 * 1024 * 1024, '#')) == "bad.hcl:1,1-1: File too large; The text has 52428800 bytes; at most 16777216 are read.\n");
}

TEST_CASE("a text of a megabyte, of one line or of many, is read in the time that its size takes", "[hcl][bad]") {
  CHECK(errors_of("a = [" + repeated("1, ", 350'000) + "]\n").empty());
  CHECK(errors_of(repeated("b {\n  c = \"d\"\n}\n", 60'000)).empty());
  CHECK(errors_of("a = \"" + std::string(1'000'000, 'x') + "\"\n").empty());
  CHECK_FALSE(errors_of("a = \"" + std::string(1'000'000, 'x')).empty());
}

TEST_CASE("what is no UTF-8 is one error at its place", "[hcl][bad]") {
  CHECK(errors_of("a = 1\nb = \"\xFF\xFE\"\nc = \"\x80\"\n") == "bad.hcl:2,6-7: Invalid character encoding; All text must be UTF-8. Convert the file to UTF-8 first.\n");
  CHECK(errors_of("a = \"\xED\xA0\x80\"\n").find("Invalid character encoding") != std::string::npos);
  CHECK(errors_of("a = \"\xC0\xAF\"\n").find("Invalid character encoding") != std::string::npos);
  CHECK(errors_of("\xF5\n").find("Invalid character encoding") != std::string::npos);
}

TEST_CASE("a NUL is an invalid character outside of quotes, and a character within", "[hcl][bad]") {
  CHECK(errors_of(std::string("a = \0 1\n", 8)).find("Invalid character") != std::string::npos);
  CHECK(errors_of(std::string("a = \"x\0y\"\n", 10)).empty());
  CHECK(errors_of(std::string("a = <<E\nx\0y\nE\n", 14)).empty());
  CHECK(errors_of(std::string(1000, '\0')).find("Invalid character") != std::string::npos);
}

TEST_CASE("line ends may be mixed, and a byte order mark may begin the text", "[hcl][bad]") {
  CHECK(errors_of("a = 1\r\nb = 2\nc {\r\n  d = <<E\r\nx\nE\r\n}\r\n").empty());
  CHECK(errors_of("\xEF\xBB\xBF"
                  "a = 1\n").empty());
  CHECK(errors_of("a = 1\n\xEF\xBB\xBF"
                  "b = 2\n").find("bad.hcl:2,1") != std::string::npos);
  CHECK(errors_of("a = 1\rb = 2\n").find("bad.hcl:1,6-7: Invalid character") != std::string::npos);
}

TEST_CASE("templates and loops that multiply end at the budget", "[hcl][bad]") {
  std::string loops = "1";
  for (int i = 0; i < 8; ++i) loops = "[for i in range(1000) : " + loops + "]";
  CHECK(evaluated(loops).find("Evaluation too large") != std::string::npos);
  std::string text = "format(\"%1000s\", \"\")";
  for (int i = 0; i < 12; ++i) text = "replace(" + text + ", \" \", format(\"%1000s\", \"\"))";
  CHECK_FALSE(evaluated(text).empty());
  CHECK_FALSE(evaluated("[for a in range(1024) : [for b in range(1024) : [for c in range(1024) : \"${a}${b}${c}\"]]]").empty());
}

TEST_CASE("numbers of absurd size are refused or held, never computed for ever", "[hcl][bad]") {
  CHECK_FALSE(errors_of("a = 1e999999999\n").empty());
  CHECK_FALSE(errors_of("a = " + std::string(20'000, '9') + "\n").empty());
  CHECK_FALSE(evaluated("pow(10, 400) + \"x\"").empty());
  CHECK_FALSE(evaluated("parseint(\"" + std::string(20'000, 'z') + "\", 36)").empty());
  CHECK_FALSE(evaluated("[1][1e300]").empty());
}

TEST_CASE("JSON that is nested, repeated or cut off without end is refused", "[hcl][bad]") {
  const auto errors = [](std::string text) {
    Diagnostics out;
    parse_json_file("bad.json", std::move(text), out);
    return out.empty() ? std::string() : one_line(out[0]);
  };
  CHECK(json_nesting_max == 100);
  CHECK(errors(std::string(10'000, '[')).find("100 levels") != std::string::npos);
  CHECK(errors(repeated("{\"a\":", 10'000)).find("100 levels") != std::string::npos);
  CHECK_FALSE(errors("{\"a\": \"\xFF\"}").empty());
  CHECK_FALSE(errors(std::string("{\"a\": \0}", 8)).empty());
  CHECK_FALSE(errors("").empty());
  CHECK_FALSE(errors(std::string(50 * 1024 * 1024, ' ')).empty());
}

TEST_CASE("no error of thousands is told twice as often as anyone reads", "[hcl][bad]") {
  Diagnostics out;
  parse_file("bad.hcl", repeated("a = \"\\q\"\nb {\n}\n", 5000), out);
  CHECK(out.size() == diagnostics_max);
}

TEST_CASE("layout of what is no text of the language changes white space alone", "[hcl][bad]") {
  const auto without_blanks = [](std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
    return text;
  };
  for (const std::string& text : {std::string("}}} a = {{{ \n"), std::string("a = <<E\nx\n"), std::string("\xFF = \x80 'q' ;\n"), std::string("a = \"b\nc = 1\n"), std::string("/* never closed\n")}) {
    INFO(text);
    CHECK(without_blanks(format(text)) == without_blanks(text));
  }
}

}  // namespace
}  // namespace drover::hcl
