#include "base/hcl/format.h"

#include <catch2/catch.hpp>

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

TEST_CASE("an index after a number stays one", "[hcl]") { CHECK(format("a = 1 . 5\n") == "a = 1 .5\n"); }

}  // namespace
}  // namespace drover::hcl
