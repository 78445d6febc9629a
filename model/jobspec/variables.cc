#include "model/jobspec/variables.h"

#include <algorithm>
#include <utility>

#include "base/hcl/convert.h"
#include "base/hcl/parser.h"
#include "base/hcl/unicode.h"

namespace drover::model::jobspec {

using hcl::add_error;
using hcl::Datum;
using hcl::Range;

bool looks_like_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first != std::string_view::npos && text[first] == '{';
}

Variables::Variable* Variables::add(const std::string& name, const Range& at) {
  if (!hcl::unicode::is_identifier(name)) {
    add_error(out_, at, "Invalid variable name", text("\"{}\" is no valid name: it must begin with a letter or an underscore and hold letters, digits, underscores and dashes only.", name));
    return nullptr;
  }
  const auto [entry, is_new] = variables_.emplace(name, Variable{});
  if (!is_new) {
    add_error(out_, at, "Duplicate variable", text("The variable \"{}\" was already declared at {}.", name, hcl::to_text(entry->second.range)));
    return nullptr;
  }
  entry->second.range = at;
  return &entry->second;
}

void Variables::declare(const hcl::FoundBlock& block) {
  static const hcl::Schema schema{{{"type", false}, {"default", false}, {"description", false}}, {{"validation", {}}}, false};
  const std::size_t errors_before = out_.size();
  const hcl::Content content = hcl::read_content(block.body, schema, out_);
  Variable* variable = add(block.labels[0].text, block.labels[0].range);
  if (!variable) return;
  variable->bad = out_.size() != errors_before;
  if (const auto* type = content.find("type")) {
    const hcl::Expression* written = type->value;
    // JSON writes a type as a text.
    if (const auto* quoted = std::get_if<hcl::Template>(&written->node); quoted && block.body.json && quoted->parts.size() == 1) {
      if (const auto* part = std::get_if<hcl::Text>(&quoted->parts[0]->node)) {
        auto source = hcl::Source::make(written->range.source->name(), part->text);
        texts_.sources.push_back(source);
        texts_.expressions.push_back(hcl::parse_expression(*source, out_));
        written = texts_.expressions.back().get();
      }
    }
    variable->type = hcl::evaluate_type(*written, false, out_);
    variable->bad = variable->bad || !variable->type;
  }
  if (const auto* value = content.find("default")) {
    Datum datum = hcl::evaluate(*value->value, nullptr, out_);
    variable->value_range = value->value->range;
    if (datum.is_unknown()) {
      variable->bad = true;
    } else if (!variable->type) {
      variable->type = datum.type();
      variable->value = std::move(datum);
    } else if (Result<Datum> fitting = hcl::convert(datum, *variable->type)) {
      variable->value = std::move(fitting).value();
    } else {
      add_error(out_, value->value->range, "Invalid default value for variable", "This default does not fit the variable's type: " + fitting.error().message + ".");
      variable->bad = true;
    }
  }
  variable->validations = content.blocks;
}

void Variables::declare_untyped(const hcl::FoundBlock& block) {
  for (const hcl::FoundAttribute& attribute : hcl::read_attributes(block.body, out_)) {
    Variable* variable = add(attribute.name, attribute.name_range);
    if (!variable) continue;
    variable->value_range = attribute.value->range;
    const Datum value = hcl::evaluate(*attribute.value, nullptr, out_);
    variable->bad = value.is_unknown();
    variable->type = value.type();
    variable->value = value;
  }
}

void Variables::declare_locals(const hcl::FoundBlock& block) {
  for (hcl::FoundAttribute& attribute : hcl::read_attributes(block.body, out_)) {
    std::string name = attribute.name;
    locals_.insert_or_assign(std::move(name), std::move(attribute));
  }
}

void Variables::set(const std::string& name, const Datum& value, const Range& at, const std::string& from) {
  Variable& variable = variables_.find(name)->second;
  variable.value_from = from;
  variable.value_range = at;
  if (value.is_unknown()) {
    variable.bad = true;
    return;
  }
  Result<Datum> fitting = hcl::convert(value, variable.type.value_or(hcl::Kind::dynamic));
  if (!fitting) {
    add_error(out_, at, "Invalid argument value for variable", text("The value of \"{}\" from {} does not fit its type: {}.", name, from, fitting.error().message));
    variable.bad = true;
    return;
  }
  variable.value = std::move(fitting).value();
}

/// A value from outside: texts and numbers are taken as they are, everything else is an expression.
void Variables::set_text(const std::string& name, const std::string& text, const std::string& from, const std::string& source_name) {
  const Variable& variable = variables_.find(name)->second;
  auto source = hcl::Source::make(source_name, text);
  texts_.sources.push_back(source);
  const bool as_is = !variable.type || variable.type->is(hcl::Kind::string) || variable.type->is(hcl::Kind::number) || variable.type->is(hcl::Kind::dynamic);
  const Range whole{source.get(), {}, {1, static_cast<int>(hcl::unicode::count_clusters(text)) + 1, text.size()}};
  if (as_is) return set(name, Datum(text), whole, from);
  const std::size_t errors_before = out_.size();
  texts_.expressions.push_back(hcl::parse_expression(*source, out_));
  set(name, out_.size() == errors_before ? hcl::evaluate(*texts_.expressions.back(), nullptr, out_) : Datum::unknown(), whole, from);
}

void Variables::undeclared(const std::string& name, const Range& at, const std::string& where) {
  std::vector<std::string_view> names;
  for (const auto& [known, variable] : variables_) names.push_back(known);
  std::string detail = text("A value for \"{}\" was given{}, but the job declares no variable of that name.{}", name, where, hcl::did_you_mean(name, names));
  options_.strict ? add_error(out_, at, "Undefined variable", std::move(detail)) : hcl::add_warning(out_, at, "Undefined variable", std::move(detail));
}

void Variables::read_environment() {
  for (const auto& [name, value] : options_.environment)
    if (variables_.contains(name)) set_text(name, value, "environment", text("<value for var.{} from environment>", name));
}

void Variables::read_file(const VariableFile& file) {
  hcl::BodyView body;
  const std::size_t errors_before = out_.size();
  if (looks_like_json(file.text)) {
    texts_.json.push_back(std::make_unique<hcl::JsonFile>(hcl::parse_json_file(file.name, file.text, out_)));
    body.json = &texts_.json.back()->root;
  } else {
    texts_.files.push_back(hcl::parse_file(file.name, file.text, out_));
    body.native = &texts_.files.back().body;
    for (const hcl::Block& block : body.native->blocks)
      if (block.type == "variable")
        add_error(out_, block.header(), "Variable declaration in a variable file", "Variables are declared in the job file. A variable file only gives values, such as name = \"value\".");
  }
  if (out_.size() != errors_before) return;
  for (const hcl::FoundAttribute& attribute : hcl::read_attributes(body, out_)) {
    if (!variables_.contains(attribute.name)) {
      undeclared(attribute.name, attribute.name_range, "");
      continue;
    }
    const hcl::Expression* value = attribute.value;
    if (body.json)
      for (const auto& member : body.json->members)
        if (member.name_range == attribute.name_range) value = &member.value.literal_expression();
    set(attribute.name, hcl::evaluate(*value, nullptr, out_), value->range, "file");
  }
}

void Variables::read_flag(const std::string& flag) {
  const std::size_t equals = flag.find('=');
  if (equals == std::string::npos || equals == 0) {
    add_error(out_, {}, "Invalid -var option", text("-var \"{}\" has no name and value: write it as name=value.", flag));
    return;
  }
  const std::string name = flag.substr(0, equals);
  if (variables_.contains(name)) return set_text(name, flag.substr(equals + 1), "arguments", text("<value for var.{} from arguments>", name));
  undeclared(name, {}, " with -var");
}

void Variables::resolve(hcl::Scope& scope) {
  read_environment();
  texts_.files.reserve(texts_.files.size() + options_.variable_files.size());
  for (const VariableFile& file : options_.variable_files) read_file(file);
  for (const std::string& flag : options_.variables) read_flag(flag);
  Datum::Map values;
  for (auto& [name, variable] : variables_) {
    check(name, variable);
    values.emplace(name, variable.value && !variable.bad ? *variable.value : Datum::unknown());
  }
  scope.set("var", Datum::object(std::move(values)));
  resolve_locals(scope);
}

void Variables::check(const std::string& name, Variable& variable) {
  if (variable.bad) return;
  if (!variable.value) {
    add_error(out_, variable.range, text("Unset variable \"{}\"", name), text("The variable has no default and was given no value. Set it with -var {}=…, with a variable file, or with DROVER_VAR_{} in the environment.", name, name));
    variable.bad = true;
    return;
  }
  Datum::Map own;
  own.emplace(name, *variable.value);
  hcl::Scope scope;
  scope.use(functions_);
  scope.set("var", Datum::object(std::move(own)));
  for (const hcl::FoundBlock& block : variable.validations) validate(name, variable, block, scope);
}

namespace {

/// A condition must look at its own variable and at no other.
bool only_refers_to(const std::string& name, const hcl::Expression& condition, hcl::Diagnostics& out) {
  std::vector<const hcl::Expression*> references;
  hcl::collect_references(condition, references);
  bool own = false;
  for (const hcl::Expression* e : references) {
    const auto& reference = std::get<hcl::Reference>(e->node);
    const bool is_own = reference.root == "var" && !reference.steps.empty() && reference.steps[0].name == name;
    own = own || is_own;
    if (reference.root == "local" || (reference.root == "var" && !is_own)) {
      add_error(out, e->range, "Invalid reference in variable validation", text("The condition for \"{}\" can refer only to var.{} itself.", name, name));
      return false;
    }
  }
  if (!own) add_error(out, condition.range, "Invalid variable validation condition", text("The condition for \"{}\" must refer to var.{}, to test its value.", name, name));
  return own;
}

}  // namespace

void Variables::validate(const std::string& name, const Variable& variable, const hcl::FoundBlock& block, const hcl::Scope& scope) {
  static const hcl::Schema schema{{{"condition", true}, {"error_message", true}}, {}, false};
  const std::size_t errors_before = out_.size();
  const hcl::Content content = hcl::read_content(block.body, schema, out_);
  if (out_.size() != errors_before) return;
  const hcl::FoundAttribute& condition = *content.find("condition");
  const hcl::FoundAttribute& written = *content.find("error_message");
  const Datum message = hcl::evaluate(*written.value, nullptr, out_);
  if (message.is_unknown()) return;
  if (!message.is_string() || hcl::unicode::trim(message.text()).empty())
    return add_error(out_, written.value->range, "Invalid validation error message", "The error message must be a text that is not empty.");
  if (!only_refers_to(name, *condition.value, out_)) return;
  const Datum result = hcl::evaluate(*condition.value, &scope, out_);
  if (result.is_unknown()) return;
  const Result<Datum> passed = hcl::convert(result, hcl::Kind::boolean);
  if (result.is_null() || !passed)
    return add_error(out_, condition.value->range, "Invalid variable validation result", "The condition must be true or false.");
  if (!passed->boolean())
    add_error(out_, variable.value_range, text("Invalid value for {} variable", variable.value_from), text("{} This was checked by the validation rule at {}.", message.text(), hcl::to_text(block.header)));
}

}  // namespace drover::model::jobspec
