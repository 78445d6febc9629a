#include "cli/job_schema.h"

#include <algorithm>
#include <set>
#include <string>

#include "model/jobspec/about.h"
#include "model/jobspec/schema.h"

namespace drover::cli {
namespace {

using model::jobspec::About;
using model::jobspec::Kind;
using model::jobspec::Row;

Value object(std::string_view key, Value value) {
  Value made = Value::map();
  made.set(key, std::move(value));
  return made;
}

Value type(std::string_view name) { return object("type", name); }
Value ref(std::string_view kind) { return object("$ref", "#/$defs/" + std::string(kind)); }
Value list_of(Value item) { return type("array").set("items", std::move(item)); }

Value any_of(std::vector<Value> choices) {
  Value list = Value::list();
  for (Value& choice : choices) list.push(std::move(choice));
  return object("anyOf", std::move(list));
}

bool has_label(std::string_view kind) {
  for (const Row& row : model::jobspec::all_rows()) {
    if (row.block == kind && row.kind == Kind::label) return true;
  }
  return false;
}

/// A block, or several; where it has a label, below the label.
Value block(std::string_view kind, bool several) {
  const Value one = ref(kind);
  Value body = several || has_label(kind) ? any_of({one, list_of(one)}) : one;
  if (!has_label(kind)) return body;
  return type("object").set("additionalProperties", std::move(body));
}

/// Every value may be an expression, which is a text.
Value shape_of(const Row& row) {
  const Value text = type("string"), texts = list_of(text), map = type("object");
  switch (row.kind) {
    case Kind::integer: return any_of({type("integer"), text});
    case Kind::boolean: return any_of({type("boolean"), text});
    case Kind::duration: return any_of({type("integer"), text});
    case Kind::texts: return any_of({texts, text});
    case Kind::integers: return any_of({list_of(any_of({type("integer"), text})), text});
    case Kind::map:
    case Kind::map_argument:
    case Kind::map_either: return any_of({map, list_of(map), text});
    case Kind::map_of_texts: return any_of({map, list_of(map)});
    case Kind::free: return any_of({map, list_of(map)});
    case Kind::block: return block(row.of, false);
    case Kind::blocks:
    case Kind::keyed: return block(row.of, true);
    case Kind::aside: return row.of.empty() ? Value::map() : block(row.of, true);
    case Kind::text: return text;
    case Kind::special:
    case Kind::label: break;
  }
  return Value::map();
}

/// The texts that editors offer; an expression is a text, too.
Value chosen_from(std::string_view choices) {
  Value list = Value::list();
  while (!choices.empty()) {
    const std::size_t comma = std::min(choices.find(','), choices.size());
    list.push(choices.substr(0, comma));
    choices.remove_prefix(std::min(comma + 1, choices.size()));
  }
  return any_of({object("enum", std::move(list)), type("string")});
}

/// What the row is, with what people are told of it.
Value described(const Row& row) {
  const About* about = model::jobspec::about(row.block, row.name);
  Value shape = about && !about->choices.empty() ? chosen_from(about->choices) : shape_of(row);
  if (about) {
    const std::string fallback = about->fallback.empty() ? "" : ". Default: " + std::string(about->fallback);
    shape.set("description", std::string(about->text) + fallback);
  }
  if (!row.field.empty()) shape.set("x-api", row.field);
  return shape;
}

Value kind_schema(std::string_view kind) {
  Value properties = Value::map(), required = Value::list();
  for (const Row& row : model::jobspec::all_rows()) {
    if (row.block != kind || row.kind == Kind::label) continue;
    properties.set(row.name, described(row));
    if (row.required) required.push(Value(row.name));
  }
  Value schema = type("object");
  schema.set("properties", std::move(properties)).set("additionalProperties", false);
  if (!required.items().empty()) schema.set("required", std::move(required));
  return schema;
}

int job_schema(Context&) {
  out_json(job_file_schema());
  return 0;
}

}  // namespace

Value job_file_schema() {
  std::set<std::string_view> kinds;
  for (const Row& row : model::jobspec::all_rows()) {
    kinds.insert(row.block);
    if (!row.of.empty()) kinds.insert(row.of);
  }
  Value definitions = Value::map();
  for (const std::string_view kind : kinds) definitions.set(kind, kind_schema(kind));
  const Value variables = any_of({type("object"), list_of(type("object"))});
  Value properties = Value::map();
  properties.set("job", block("job", false)).set("variable", variables).set("variables", variables).set("locals", variables);
  Value required = Value::list();
  required.push("job");
  Value schema = object("$schema", "https://json-schema.org/draft/2020-12/schema");
  schema.set("title", "a job file in JSON syntax").set("type", "object").set("properties", std::move(properties)).set("additionalProperties", false);
  schema.set("required", std::move(required)).set("$defs", std::move(definitions));
  return schema;
}

void add_job_schema_commands(std::vector<Command>& rows) {
  rows.push_back({"job schema", "", "prints a JSON Schema of job files in JSON syntax, for editors", "drover job schema > job.schema.json", {}, job_schema, 0, 0});
}

}  // namespace drover::cli
