#include <catch2/catch.hpp>

#include "base/hcl/eval.h"
#include "base/hcl/functions_impl.h"
#include "base/hcl/parser.h"
#include "base/hcl/yaml.h"
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

TEST_CASE("YAML is read with the meaning of 1.1, and refused with its place", "[hcl]") {
  CHECK(value("yamldecode(\"a: [1, yes, ~, 0x1f, 0o17, 1_000]\\nb: {c: 2024-01-02 3:04:05 +01:00}\\n\")") ==
        R"({"a":[1,true,null,31,15,"1_000"],"b":{"c":"2024-01-02T03:04:05+01:00"}})");
  CHECK(value("yamldecode(\"a: &x {k: 1, l: 2}\\nb:\\n  <<: *x\\n  l: 3\\n\").b") == R"({"k":1,"l":3})");
  CHECK(value("yamldecode(yamlencode({a = [{b = \"x\\ny\"}, null, 1.5]}))") == R"({"a":[{"b":"x\ny"},null,1.5]})");
  CHECK(value("yamldecode(\"[1, 2\")").find("on line ") != std::string::npos);
  CHECK(value("yamldecode(\"a: *b\")").find("refers to nothing before it") != std::string::npos);
  CHECK(value("yamldecode(\"\")").find("holds no value") != std::string::npos);
  CHECK(value("yamldecode(\"--- 1\\n--- 2\\n\")").find("more than one document") != std::string::npos);
  CHECK(value("yamldecode(\"{[a]: 1}\")").find("a key must be") != std::string::npos);
  CHECK(value("yamldecode(\"!!int x\")").find("is no number") != std::string::npos);
}

TEST_CASE("YAML whose aliases multiply, or that is nested without end, is refused", "[hcl]") {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 10; ++j) laughs += ", " + before;
    laughs += "]\n";
  }
  CHECK(read_yaml(laughs).error().message == "the text stands for more than 100000 values");
  CHECK(read_yaml(std::string(150, '[') + std::string(150, ']')).error().message.find("nested 100 levels deep at most") != std::string::npos);
  CHECK_FALSE(read_yaml(std::string(50'000, '[')).ok());
  CHECK_FALSE(read_yaml(std::string("a: \xff\n")).ok());
}

TEST_CASE("what comes of doubles shows as many digits as doubles have", "[hcl]") {
  CHECK(value("pow(2, 64)") == "18446744073709550000");
  CHECK(value("pow(2, 64) == 18446744073709551616") == "true");
  CHECK(value("pow(1.1, 10)") == "2.593742460100002");
  CHECK(value("pow(2, 0.5)") == "1.4142135623730951");
  CHECK(value("pow(2, -3)") == "0.125");
  CHECK(value("log(1000, 10)") == "2.9999999999999996");
  CHECK(value("jsonencode(-0)") == "\"-0\"");
  CHECK(value("[1, 2][-0]") == "1");
}

TEST_CASE("a misspelt function is answered with the nearest one", "[hcl]") {
  CHECK(value("uper(\"a\")") == "error: There is no function named \"uper\". Did you mean \"upper\"?");
}

}  // namespace
}  // namespace drover::hcl
