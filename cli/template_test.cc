#include "cli/template.h"

#include <catch2/catch.hpp>

using drover::Value;
using drover::cli::render_template;

namespace {

Value jobs() {
  Value web = Value::map();
  web.set("ID", "web").set("Count", 2).set("Tags", Value(Value::List{Value("a"), Value("b")}));
  Value db = Value::map();
  db.set("ID", "db").set("Count", 0).set("Tags", Value());
  return Value(Value::List{web, db});
}

std::string render(const std::string& text) { return render_template(text, jobs()).value(); }

}  // namespace

TEST_CASE("templates range over lists and print fields") {
  CHECK(render("{{range .}}{{.ID}} {{end}}") == "web db ");
  CHECK(render("{{range $i, $j := .}}{{$i}}={{$j.ID}};{{end}}") == "0=web;1=db;");
  CHECK(render("{{range .}}{{range .Tags}}{{.}}{{else}}none{{end}},{{end}}") == "ab,none,");
}

TEST_CASE("templates branch, compare and call functions") {
  CHECK(render("{{range .}}{{if gt .Count 1}}many{{else if eq .Count 0}}none{{else}}one{{end}} {{end}}") == "many none ");
  CHECK(render("{{len .}} {{(index . 0).ID}}") == "2 web");
  CHECK(render("{{printf \"%-5s|%3d\" (index . 0).ID 7}}") == "web  |  7");
  CHECK(render("{{index . 0 | json}}") == R"({"ID":"web","Count":2,"Tags":["a","b"]})");
}

TEST_CASE("trim markers take the white space beside them") { CHECK(render("x  {{- len . -}}  y") == "x2y"); }

TEST_CASE("what a template gets wrong is named") {
  CHECK(render_template("{{.Nope}}", jobs()).error().message.find("can't evaluate field Nope") != std::string::npos);
  CHECK(render_template("{{frobnicate 1}}", jobs()).error().message == "function \"frobnicate\" not defined");
  CHECK_FALSE(render_template("{{range .}}", jobs()).ok());
  CHECK_FALSE(render_template("{{", jobs()).ok());
}
