#include "model/jobspec/reference.h"

#include <algorithm>
#include <vector>

#include <drover/result.h>

#include "model/jobspec/about.h"

namespace drover::model::jobspec {
namespace {

/// Kinds of blocks in the order of the table, each once.
std::vector<std::string_view> block_kinds() {
  std::vector<std::string_view> out;
  for (const Row& row : all_rows())
    if (std::ranges::find(out, row.block) == out.end()) out.push_back(row.block);
  return out;
}

std::string escaped(std::string_view cell) {
  std::string out;
  for (const char c : cell) {
    if (c == '|' || c == '<' || c == '*') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string code_list(std::string_view choices) {
  std::string out;
  while (!choices.empty()) {
    const std::size_t comma = std::min(choices.find(','), choices.size());
    out.append(out.empty() ? "`" : ", `").append(choices.substr(0, comma)).push_back('`');
    choices.remove_prefix(std::min(comma + 1, choices.size()));
  }
  return out;
}

/// In which blocks a kind of block stands, and under which name.
std::string places_of(std::string_view kind) {
  std::string out;
  for (const Row& row : all_rows())
    if (row.of == kind && is_written_as_block(row.kind)) out += (out.empty() ? "" : ", ") + text("`{}` in {}", row.name, row.block);
  return out;
}

}  // namespace

std::string_view kind_text(Kind kind) {
  switch (kind) {
    case Kind::text: case Kind::special: return "text";
    case Kind::integer: return "whole number";
    case Kind::boolean: return "true or false";
    case Kind::duration: return "duration";
    case Kind::texts: return "list of texts";
    case Kind::integers: return "list of whole numbers";
    case Kind::map: return "block of texts";
    case Kind::map_argument: return "map of texts";
    case Kind::map_either: return "block or map of texts";
    case Kind::map_of_texts: return "block of lists of texts";
    case Kind::free: return "block of anything";
    case Kind::block: return "block";
    case Kind::blocks: case Kind::aside: return "blocks";
    case Kind::keyed: return "labelled blocks";
    case Kind::label: return "label";
  }
  return "";
}

bool is_written_as_block(Kind kind) {
  switch (kind) {
    case Kind::map: case Kind::map_either: case Kind::map_of_texts: case Kind::free: case Kind::block: case Kind::blocks: case Kind::keyed: case Kind::aside: return true;
    default: return false;
  }
}

std::string hover_markdown(const Row& row) {
  std::string out = text("**{}**: {}{}\n", row.name, kind_text(row.kind), row.required ? ", required" : "");
  const About* its = about(row.block, row.name);
  if (!its) return out;
  out += text("\n{}.\n", its->text);
  if (!its->fallback.empty()) out += text("\nDefault: `{}`\n", its->fallback);
  if (!its->choices.empty()) out += text("\nOne of {}\n", code_list(its->choices));
  if (!row.field.empty()) out += text("\nIn JSON: `{}`\n", row.field);
  return out;
}

std::string reference_markdown() {
  std::string out =
      "# Job files: every block and argument\n\n"
      "Written by a program from the table that job files are read with; a test holds this page to it. `drover lsp` shows the\n"
      "same in an editor, `drover job schema` as a JSON Schema. Durations are texts such as `\"1h30m\"`; texts may hold\n"
      "`${...}`. What else a file may hold, `variable`, `locals`, `dynamic`, functions, is the language's: "
      "see [errors.md](errors.md) for its mistakes.\n";
  for (const std::string_view kind : block_kinds()) {
    const std::string places = places_of(kind);
    out += text("\n## {}\n\n{}| name | | default | JSON | |\n|---|---|---|---|---|\n", kind, places.empty() ? "" : "Written as " + places + ".\n\n");
    for (const Row& row : all_rows()) {
      if (row.block != kind) continue;
      const About* its = about(row.block, row.name);
      std::string what = its ? escaped(its->text) : "";
      if (its && !its->choices.empty()) what += ": " + code_list(its->choices);
      out += text("| {} | {}{} | {} | {} | {} |\n", row.kind == Kind::label ? "(label)" : text("`{}`", row.name), kind_text(row.kind), row.required ? ", required" : "",
                  its ? escaped(its->fallback) : "", row.field, what);
    }
  }
  return out;
}

}  // namespace drover::model::jobspec
