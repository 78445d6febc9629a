#include "cli/language/answers.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/hcl/format.h"
#include "base/hcl/parser.h"
#include "model/jobspec/about.h"
#include "model/jobspec/jobspec.h"
#include "model/jobspec/reference.h"
#include "model/jobspec/schema.h"

namespace drover::cli::language {
namespace {

using model::jobspec::Row;

// The protocol's numbers.
constexpr int severity_error = 1, severity_warning = 2, severity_information = 3;
constexpr int completion_function = 3, completion_variable = 6, completion_property = 10, completion_value = 12, completion_struct = 22;
constexpr int symbol_struct = 23;
constexpr int insert_snippet = 2;

Value object(std::initializer_list<Value::Member> members) { return Value(Value::Map(members)); }

Value position_value(std::string_view text, std::size_t offset) {
  const EditorPosition at = position_of(text, offset);
  return object({{"line", at.line}, {"character", at.column}});
}

Value range_value(std::string_view text, std::size_t from, std::size_t to) {
  return object({{"start", position_value(text, from)}, {"end", position_value(text, to)}});
}

bool holds_a_job(const hcl::File& file) {
  return std::ranges::any_of(file.body.blocks, [](const hcl::Block& block) { return block.type == "job"; });
}

bool is_json(const Document& document) {
  const std::size_t first = document.text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && document.text[first] == '{';
}

Value diagnostic_value(const Document& document, const hcl::Diagnostic& d) {
  // A job may get its variables elsewhere: in the editor that is no mistake.
  const bool elsewhere = d.summary.starts_with("Unset variable");
  const int severity = elsewhere ? severity_information : d.severity == hcl::Severity::error ? severity_error : severity_warning;
  const bool placed = d.subject.source != nullptr;
  std::size_t from = placed ? d.subject.start.byte : 0, to = placed ? d.subject.end.byte : 0;
  if (from == to && to < document.text.size() && document.text[to] != '\n') ++to;
  return object({{"range", range_value(document.text, from, to)}, {"severity", severity}, {"source", "drover"}, {"message", d.summary + (d.detail.empty() ? "" : ": " + d.detail)}});
}

/// The kind of block (of the table) that the blocks around name; "" at the top of a file, nothing where it is no job's.
std::optional<std::string_view> kind_of(const std::vector<std::string>& blocks) {
  if (blocks.empty()) return "";
  if (blocks[0] != "job") return std::nullopt;
  std::string_view kind = "job";
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    const auto rows = model::jobspec::all_rows();
    const auto row = std::ranges::find_if(rows, [&](const Row& r) { return r.block == kind && r.name == blocks[i] && is_written_as_block(r.kind); });
    if (row == rows.end() || row->of.empty()) return std::nullopt;
    kind = row->of;
  }
  return kind;
}

const Row* row_of(std::string_view kind, std::string_view name) {
  for (const Row& row : model::jobspec::all_rows())
    if (row.block == kind && row.name == name && row.kind != model::jobspec::Kind::label) return &row;
  return nullptr;
}

bool has_label(std::string_view kind) {
  const auto rows = model::jobspec::all_rows();
  return std::ranges::any_of(rows, [kind](const Row& row) { return row.block == kind && row.kind == model::jobspec::Kind::label; });
}

Value item(std::string_view label, int kind, std::string_view detail, std::string documentation = "", std::string snippet = "") {
  Value out = object({{"label", Value(label)}, {"kind", kind}, {"detail", Value(detail)}});
  if (!documentation.empty()) out.set("documentation", object({{"kind", "markdown"}, {"value", Value(std::move(documentation))}}));
  if (!snippet.empty()) {
    out.set("insertText", Value(std::move(snippet)));
    out.set("insertTextFormat", insert_snippet);
  }
  return out;
}

Value row_item(const Row& row) {
  const bool block = model::jobspec::is_written_as_block(row.kind);
  std::string snippet = std::string(row.name) + (block ? " {\n  $0\n}" : " = $0");
  if (block && has_label(row.of.empty() ? row.name : row.of)) snippet = std::string(row.name) + " \"$1\" {\n  $0\n}";
  if (!block && row.kind == model::jobspec::Kind::texts) snippet = std::string(row.name) + " = [\"$0\"]";
  if (!block && (row.kind == model::jobspec::Kind::text || row.kind == model::jobspec::Kind::duration)) snippet = std::string(row.name) + " = \"$0\"";
  return item(row.name, block ? completion_struct : completion_property, kind_text(row.kind), hover_markdown(row), std::move(snippet));
}

void add_rows(std::string_view kind, Value& out) {
  for (const Row& row : model::jobspec::all_rows())
    if (row.block == kind && row.kind != model::jobspec::Kind::label) out.push(row_item(row));
}

void add_top(Value& out) {
  out.push(item("job", completion_struct, "block", "What runs.", "job \"$1\" {\n  $0\n}"));
  out.push(item("variable", completion_struct, "block", "A value that is given from outside: `var.<name>`.", "variable \"$1\" {\n  type    = string\n  default = \"$0\"\n}"));
  out.push(item("variables", completion_struct, "block", "Variables with their defaults, one a line.", "variables {\n  $0\n}"));
  out.push(item("locals", completion_struct, "block", "Names for values: `local.<name>`.", "locals {\n  $0\n}"));
}

/// Names of the file's variables and locals, from what of it could be read.
std::set<std::string> names_of(const Document& document, std::string_view root) {
  std::set<std::string> names;
  hcl::Diagnostics ignored;
  const hcl::File file = hcl::parse_file("", document.text, ignored);
  for (const hcl::Block& block : file.body.blocks) {
    if (root == "var" && block.type == "variable" && !block.labels.empty()) names.insert(block.labels[0].text);
    if ((root == "var" && block.type == "variables") || (root == "local" && block.type == "locals"))
      for (const hcl::Attribute& attribute : block.body.attributes) names.insert(attribute.name);
  }
  return names;
}

std::string signature_of(std::string_view name, const hcl::Function& function) {
  std::string out;
  for (const hcl::Parameter& parameter : function.parameters) out += (out.empty() ? "" : ", ") + fmt::format("{}: {}", parameter.name, hcl::to_text(parameter.type));
  if (function.rest) out += (out.empty() ? "" : ", ") + fmt::format("{}...: {}", function.rest->name, hcl::to_text(function.rest->type));
  return fmt::format("{}({})", name, out);
}

const hcl::Functions& functions() {
  static const hcl::Functions table = hcl::standard_functions({});
  return table;
}

void add_values(const Document& document, const Place& place, Value& out) {
  for (const std::string_view root : {"var", "local"}) {
    if (!place.word.starts_with(std::string(root) + ".")) continue;
    for (const std::string& name : names_of(document, root)) out.push(item(fmt::format("{}.{}", root, name), completion_variable, root == "var" ? "variable" : "local"));
    return;
  }
  const auto kind = kind_of(place.blocks);
  const Row* row = kind ? row_of(*kind, place.argument) : nullptr;
  if (row && row->kind == model::jobspec::Kind::boolean)
    for (const char* word : {"true", "false"}) out.push(item(word, completion_value, "true or false"));
  const auto* about = row ? model::jobspec::about(row->block, row->name) : nullptr;
  for (std::string_view choices = about ? about->choices : ""; !choices.empty();) {
    const std::size_t comma = std::min(choices.find(','), choices.size());
    const std::string choice(choices.substr(0, comma));
    out.push(item(place.in_text ? choice : "\"" + choice + "\"", completion_value, choice == about->fallback ? "the default" : "text"));
    choices.remove_prefix(std::min(comma + 1, choices.size()));
  }
  if (place.in_text) return;
  for (const std::string_view root : {"var", "local"})
    for (const std::string& name : names_of(document, root)) out.push(item(fmt::format("{}.{}", root, name), completion_variable, root == "var" ? "variable" : "local"));
  for (const std::string_view name : functions().names()) out.push(item(name, completion_function, signature_of(name, *functions().find(name)), "", std::string(name) + "($0)"));
}

Value symbol(const Document& document, const hcl::Block& block) {
  std::string name = block.type;
  for (const hcl::Label& label : block.labels) name += " " + label.text;
  const std::size_t from = block.type_range.start.byte, to = std::max(block.body.range.end.byte, block.header().end.byte);
  Value children = Value::list();
  for (const hcl::Block& inner : block.body.blocks) children.push(symbol(document, inner));
  return object({{"name", Value(std::move(name))},
                 {"kind", symbol_struct},
                 {"range", range_value(document.text, from, to)},
                 {"selectionRange", range_value(document.text, from, block.header().end.byte)},
                 {"children", std::move(children)}});
}

}  // namespace

Value diagnostics(const Document& document, const FilesOf& files_of) {
  Value out = Value::list();
  hcl::Diagnostics found;
  if (!is_json(document)) {
    const hcl::File file = hcl::parse_file(document.uri, document.text, found);
    const bool whole = !hcl::has_errors(found);
    if (whole && holds_a_job(file)) found.clear();
    for (const hcl::Diagnostic& d : found) out.push(diagnostic_value(document, d));
    if (!whole || !holds_a_job(file)) return out;
  }
  const std::unique_ptr<hcl::Files> files = files_of ? files_of(document) : nullptr;
  const model::ParsedJob parsed = model::parse_job(document.text, document.uri, model::JobspecOptions{.files = files.get()});
  for (const auto* list : {&parsed.diagnostics, &parsed.refusals})
    for (const hcl::Diagnostic& d : *list) out.push(diagnostic_value(document, d));
  return out;
}

Value completions(const Document& document, std::size_t offset) {
  Value out = Value::list();
  const Place place = place_at(document.text, offset);
  if (place.in_value) {
    if (!place.in_text || !place.argument.empty()) add_values(document, place, out);
    return out;
  }
  if (!place.is_header || place.in_text) return out;
  const auto kind = kind_of(place.blocks);
  if (!kind) return out;
  kind->empty() ? add_top(out) : add_rows(*kind, out);
  return out;
}

Value hover(const Document& document, std::size_t offset) {
  const Place place = place_at(document.text, offset);
  std::string shown;
  if (place.in_value && !place.in_text) {
    if (const hcl::Function* function = functions().find(place.word)) shown = "```\n" + signature_of(place.word, *function) + "\n```\n";
  } else if (!place.in_value && place.is_header) {
    const auto kind = kind_of(place.blocks);
    const Row* row = kind && !kind->empty() ? row_of(*kind, place.word) : nullptr;
    if (row) shown = hover_markdown(*row);
  }
  if (shown.empty()) return {};
  return object({{"contents", object({{"kind", "markdown"}, {"value", Value(std::move(shown))}})},
                 {"range", range_value(document.text, place.word_start, place.word_start + place.word.size())}});
}

Value symbols(const Document& document) {
  Value out = Value::list();
  if (is_json(document)) return out;
  hcl::Diagnostics ignored;
  const hcl::File file = hcl::parse_file("", document.text, ignored);
  for (const hcl::Block& block : file.body.blocks) out.push(symbol(document, block));
  return out;
}

Value formatting(const Document& document) {
  Value out = Value::list();
  hcl::Diagnostics problems;
  hcl::parse_file("", document.text, problems);
  if (is_json(document) || hcl::has_errors(problems)) return out;
  std::string after = hcl::format(document.text);
  if (after != document.text) out.push(object({{"range", range_value(document.text, 0, document.text.size())}, {"newText", Value(std::move(after))}}));
  return out;
}

}  // namespace drover::cli::language
