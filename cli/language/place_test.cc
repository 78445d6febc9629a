#include "cli/language/place.h"

#include <catch2/catch.hpp>

namespace drover::cli::language {
namespace {

/// The place of the mark `^` in a text, which is taken out.
Place at_mark(std::string text) {
  const std::size_t offset = text.find('^');
  return place_at(text.erase(offset, 1), offset);
}

std::string blocks(const Place& place) {
  std::string out;
  for (const std::string& block : place.blocks) out += (out.empty() ? "" : ">") + block;
  return out;
}

TEST_CASE("columns count as editors count them", "[lsp]") {
  const std::string text = "a\né🚀b\r\nc";
  CHECK(offset_of(text, {1, 0}) == 2);
  CHECK(offset_of(text, {1, 3}) == 8);
  CHECK(offset_of(text, {1, 99}) == 9);
  CHECK(offset_of(text, {99, 0}) == text.size());
  CHECK(position_of(text, 8).line == 1);
  CHECK(position_of(text, 8).column == 3);
  CHECK(position_of(text, 999).line == 2);
}

TEST_CASE("a place knows the blocks around it, in broken text too", "[lsp]") {
  CHECK(blocks(at_mark("job \"a\" {\n  group \"g\" {\n    ^")) == "job>group");
  CHECK(blocks(at_mark("job \"a\" {\n  group \"g\" {\n  }\n  ^")) == "job");
  CHECK(blocks(at_mark("job \"a\" {\n  meta = {\n    b = 1\n  }\n  up^ {\n")) == "job");
  CHECK(blocks(at_mark("job \"a\" {\n  dynamic \"group\" {\n    content {\n      ^\n")) == "job>group");
  CHECK(blocks(at_mark("job \"a\" {\n  x = = ]\n  ^")) == "job");
  CHECK(blocks(at_mark("}}}\n^")).empty());
}

TEST_CASE("a place knows whether a name or a value is being written", "[lsp]") {
  const Place name = at_mark("job \"a\" {\n  typ^e = \"batch\"\n}\n");
  CHECK(name.is_header);
  CHECK(name.word == "type");
  CHECK_FALSE(name.in_value);

  const Place value = at_mark("job \"a\" {\n  type = ^\n}\n");
  CHECK(value.in_value);
  CHECK(value.argument == "type");
  CHECK_FALSE(value.in_text);

  CHECK(at_mark("job \"a\" {\n  type = \"ba^\"\n}\n").in_text);
  CHECK(at_mark("a = <<E\n x^\nE\n").in_text);
  CHECK(at_mark("a = [\n  var.x^\n]\n").word == "var.x");
  CHECK(at_mark("a = [\n  var.x^\n]\n").in_value);
  CHECK(at_mark("a = \"${var.x^}\"\n").in_value);
  CHECK_FALSE(at_mark("a = \"${var.x^}\"\n").in_text);
  CHECK_FALSE(at_mark("a = 1\n^").in_value);
}

}  // namespace
}  // namespace drover::cli::language
