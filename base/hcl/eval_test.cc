#include "base/hcl/eval.h"

#include <catch2/catch.hpp>

#include "base/hcl/parser.h"

namespace drover::hcl {
namespace {

struct Fixture {
  Scope scope;
  Fixture() {
    Datum::Map vars;
    vars.emplace("name", Datum("web"));
    vars.emplace("ports", Datum::tuple({Datum(std::int64_t{80}), Datum(std::int64_t{443})}));
    scope.set("var", Datum::object(std::move(vars)));
    scope.keep_unknown_references();
  }

  Datum value(std::string text, Diagnostics& out) {
    const auto source = Source::make("x.hcl", std::move(text));
    sources_.push_back(source);
    const ExpressionPtr expression = parse_expression(*source, out);
    return evaluate(*expression, &scope, out);
  }
  std::string text(std::string expression) {
    Diagnostics out;
    const Datum datum = value(std::move(expression), out);
    if (has_errors(out)) return one_line(out[0]);
    if (datum.is_null()) return "null";
    if (datum.kind() == Kind::number) return datum.number().to_text();
    if (datum.kind() == Kind::boolean) return datum.boolean() ? "true" : "false";
    return datum.is_string() ? "'" + datum.text() + "'" : hcl::to_text(datum.type());
  }

 private:
  std::vector<std::shared_ptr<const Source>> sources_;
};

TEST_CASE("operators follow their precedence and convert their operands", "[hcl]") {
  Fixture f;
  CHECK(f.text("1 + 2 * 3") == "7");
  CHECK(f.text("-2 * 3") == "-6");
  CHECK(f.text("\"2\" + 1") == "3");
  CHECK(f.text("11 % 5.1").starts_with("0.8"));
  CHECK(f.text("1 / 10") == "0.1");
  CHECK(f.text("9007199254740993 * 9007199254740993") == "81129638414606699710187514626049");
  CHECK(f.text("\"1\" == 1") == "false");
  CHECK(f.text("!true == false") == "true");
  CHECK(f.text("true ? 1 : \"a\"") == "'1'");
  CHECK(f.text("1 > 0 && 2 >= 2 || false") == "true");
}

TEST_CASE("references with an unknown first name are kept as text", "[hcl]") {
  Fixture f;
  CHECK(f.text("\"postgres://${NOMAD_SECRET_X}@db\"") == "'postgres://${NOMAD_SECRET_X}@db'");
  CHECK(f.text("attr.kernel.name") == "'${attr.kernel.name}'");
  CHECK(f.text("\"${ env[\"X\"] }\"") == "'${ env[\"X\"] }'");
  CHECK(f.text("gs  [\"60\"]") == "'${gs  [\"60\"]}'");  // as it was written, blanks and all
  CHECK(f.text("\"{${meta.x}}\"") == "'{${meta.x}}'");
  CHECK(f.text("\"${(meta.x)}\"") == "'${meta.x}'");
  CHECK(f.text("\"$${HOME:-x} %%{code}\"") == "'${HOME:-x} %{code}'");
}

TEST_CASE("known names are looked into, and a misspelling is answered with the nearest name", "[hcl]") {
  Fixture f;
  CHECK(f.text("\"${var.name}-1\"") == "'web-1'");
  CHECK(f.text("var.ports[1]") == "443");
  CHECK(f.text("var.nome") == "x.hcl:1,4-9: Unsupported attribute; This object has no attribute named \"nome\". Did you mean \"name\"?");
  CHECK(f.text("var.ports[2]") == "x.hcl:1,10-13: Invalid index; The index 2 is beyond the end: there are 2 elements.");
}

TEST_CASE("templates strip, decide and repeat", "[hcl]") {
  Fixture f;
  CHECK(f.text("\"a   ${~ \"b\" ~}   c\"") == "'abc'");
  CHECK(f.text("\"%{ if var.name == \"web\" }yes%{ else }no%{ endif }\"") == "'yes'");
  CHECK(f.text("\"%{ for p in var.ports }<${p}>%{ endfor }\"") == "'<80><443>'");
  CHECK(f.text("<<-E\n    a\n      b ${var.name}\n  E\n") == "'a\n  b web\n'");
}

TEST_CASE("for expressions and splats make lists and maps", "[hcl]") {
  Fixture f;
  CHECK(f.text("[for p in var.ports : p + 1 if p > 100][0]") == "444");
  CHECK(f.text("{for i, p in var.ports : \"k${i}\" => p}.k1") == "443");
  CHECK(f.text("([{a = 1}, {a = 2}][*].a)[1]") == "2");
  CHECK(f.text("{a = 1, \"b\" : 2\n}[\"b\"]") == "2");
}

TEST_CASE("an expression cannot compute without end", "[hcl]") {
  Fixture f;
  std::string list = "[1";
  for (int i = 0; i < 999; ++i) list += ",1";
  list += "]";
  const std::string text = "[for a in " + list + " : [for b in " + list + " : [for c in " + list + " : c]]]";
  CHECK(f.text(text).find("Evaluation too large") != std::string::npos);
}

TEST_CASE("without a scope only literals are allowed", "[hcl]") {
  Diagnostics out;
  const auto source = Source::make("x", "[1, foo]");
  const ExpressionPtr e = parse_expression(*source, out);
  evaluate(*e, nullptr, out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].summary == "Variables not allowed");
}

}  // namespace
}  // namespace drover::hcl
