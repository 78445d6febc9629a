#include <catch2/catch.hpp>

#include "base/hcl/eval.h"
#include "base/hcl/functions_impl.h"
#include "base/hcl/parser.h"
#include "base/loop/random.h"

namespace drover::hcl {
namespace {

class MemoryFiles final : public Files {
 public:
  Result<std::string> read(std::string_view path) override {
    if (path == "motd") return std::string("hello\n");
    return fail(Code::not_found, "no file exists at {}", path);
  }
  Result<bool> exists(std::string_view path) override { return path == "motd"; }
  Result<std::vector<std::string>> match(std::string_view, std::string_view) override { return std::vector<std::string>{"motd"}; }
  Result<std::string> absolute(std::string_view path) override { return "/base/" + std::string(path); }
  Result<std::string> home() override { return std::string("/home/me"); }
};

/// The value as JSON, or the error's detail.
std::string value(const std::string& expression, Files* files = nullptr) {
  SeededRandom random(1);
  const Functions functions = standard_functions(World{&random, files});
  Scope scope;
  scope.use(functions);
  Diagnostics out;
  const auto source = Source::make("x", expression);
  const ExpressionPtr parsed = parse_expression(*source, out);
  const Datum datum = evaluate(*parsed, &scope, out);
  if (has_errors(out)) return "error: " + out[0].detail;
  return detail::json_text(datum).value();
}

TEST_CASE("functions compute what their names say", "[hcl]") {
  CHECK(value("upper(\"straße\")") == "\"STRAßE\"");
  CHECK(value("format(\"%05.1f|%-4s|%x\", 3.14159, \"a\", 255)") == "\"003.1|a   |ff\"");
  CHECK(value("join(\",\", [\"a\"], [\"b\"])") == "\"a,b\"");
  CHECK(value("regex_replace(\"a1b22\", \"[0-9]+\", \"<$0>\")") == "\"a\\u003c1\\u003eb\\u003c22\\u003e\"");
  CHECK(value("merge({a = 1}, {b = 2})") == "{\"a\":1,\"b\":2}");
  CHECK(value("range(3)") == "[0,1,2]");
  CHECK(value("cidrhost(\"10.0.0.0/24\", -1)") == "\"10.0.0.255\"");
  CHECK(value("formatdate(\"YYYY-MM-DD\", timeadd(\"2024-02-28T12:00:00Z\", \"24h\"))") == "\"2024-02-29\"");
  CHECK(value("base64decode(base64encode(\"é\"))") == "\"é\"");
  CHECK(value("jsondecode(\"{\\\"a\\\": [1, null]}\").a[1] == null") == "true");
  CHECK(value("sha256(\"\")") == "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"");
  CHECK(value("uuidv5(\"dns\", \"www.example.com\")") == "\"2ed6657d-e927-568b-95e1-2665a8aea6a2\"");
  CHECK(value("can(1 + \"x\")") == "false");
  CHECK(value("try(1 + \"x\", 7)") == "7");
}

TEST_CASE("files are read only where they are given", "[hcl]") {
  MemoryFiles files;
  CHECK(value("file(\"motd\")", &files) == "\"hello\\n\"");
  CHECK(value("file(\"other\")", &files).find("no file exists at other") != std::string::npos);
  CHECK(value("file(\"motd\")").find("filesystem function disabled") != std::string::npos);
  CHECK(value("pathexpand(\"~/x\")", &files) == "\"/home/me/x\"");
}

TEST_CASE("calls that would make too much are refused", "[hcl]") {
  CHECK(value("range(1e9)").find("more than 1024 values") != std::string::npos);
  CHECK(value("replace(replace(format(\"%10000s\", \"\"), \" \", format(\"%10000s\", \"\")), \" \", \"xx\")").starts_with("error: "));
  CHECK(value("bcrypt(\"x\", 31)").find("would take too long") != std::string::npos);
  CHECK(value("[for i in range(1000) : format(\"%10000s\", \"\")]").starts_with("["));
}

TEST_CASE("a misspelt function is answered with the nearest one", "[hcl]") {
  CHECK(value("uper(\"a\")") == "error: There is no function named \"uper\". Did you mean \"upper\"?");
}

}  // namespace
}  // namespace drover::hcl
