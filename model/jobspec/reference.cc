#include "model/jobspec/reference.h"

#include <algorithm>
#include <map>
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

Value object(std::initializer_list<Value::Member> members) { return Value(Value::Map(members)); }

Value reference_to(std::string_view kind) { return object({{"$ref", Value("#/$defs/" + std::string(kind))}}); }

Value texts() { return object({{"type", "array"}, {"items", object({{"type", "string"}})}}); }

Value of_type(const Row& row) {
  switch (row.kind) {
    case Kind::text: case Kind::label: return object({{"type", "string"}});
    case Kind::integer: return object({{"type", "integer"}});
    case Kind::boolean: return object({{"type", "boolean"}});
    case Kind::duration: return object({{"type", Value(Value::List{"integer", "string"})}});
    case Kind::texts: return texts();
    case Kind::integers: return object({{"type", "array"}, {"items", object({{"type", "integer"}})}});
    case Kind::map: case Kind::map_argument: case Kind::map_either: return object({{"type", "object"}, {"additionalProperties", object({{"type", "string"}})}});
    case Kind::map_of_texts: return object({{"type", "object"}, {"additionalProperties", texts()}});
    case Kind::free: return object({{"type", "object"}});
    case Kind::block: return reference_to(row.of);
    case Kind::blocks: return object({{"type", "array"}, {"items", reference_to(row.of)}});
    case Kind::keyed: return object({{"type", "object"}, {"additionalProperties", reference_to(row.of)}});
    case Kind::special: case Kind::aside: break;
  }
  return Value::map();
}

Value choices_of(std::string_view choices) {
  Value out = Value::list();
  while (!choices.empty()) {
    const std::size_t comma = std::min(choices.find(','), choices.size());
    out.push(Value(choices.substr(0, comma)));
    choices.remove_prefix(std::min(comma + 1, choices.size()));
  }
  return out;
}

/// null stands for "not given" everywhere in the API's JSON.
Value nullable(Value schema) {
  Value list = Value::list();
  list.push(std::move(schema));
  list.push(object({{"type", "null"}}));
  return object({{"anyOf", std::move(list)}});
}

Value property(const Row& row) {
  Value schema = of_type(row);
  const About* its = about(row.block, row.name);
  if (its && !its->choices.empty() && row.kind == Kind::text) {
    Value choices = choices_of(its->choices);
    choices.push(Value(""));
    schema.set("enum", std::move(choices));
  }
  Value out = nullable(std::move(schema));
  if (its) out.set("description", Value(std::string(its->text) + (its->fallback.empty() ? "" : text(" (default: {})", its->fallback))));
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
  const Value list = choices_of(choices);
  if (!list.is_list()) return out;
  for (const Value& choice : list.items()) out += (out.empty() ? "`" : ", `") + choice.text() + "`";
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

Value json_schema() {
  Value kinds = Value::map();
  for (const std::string_view kind : block_kinds()) {
    Value properties = Value::map(), required = Value::list();
    for (const Row& row : all_rows()) {
      if (row.block != kind || row.field.empty() || row.kind == Kind::special || row.kind == Kind::aside) continue;
      properties.set(row.field, property(row));
      if (row.required) required.push(Value(row.field));
    }
    Value schema = object({{"type", "object"}, {"properties", std::move(properties)}});
    if (!required.items().empty()) schema.set("required", std::move(required));
    kinds.set(kind, std::move(schema));
  }
  // Blocks without any argument have no rows of their own.
  for (const Row& row : all_rows())
    if (!row.of.empty() && !kinds.find(row.of)) kinds.set(row.of, object({{"type", "object"}}));
  return object({{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "A job, as the HTTP API takes it"},
                 {"type", "object"},
                 {"properties", object({{"Job", reference_to("job")}})},
                 {"required", Value(Value::List{"Job"})},
                 {"$defs", std::move(kinds)}});
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
