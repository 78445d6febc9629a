#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "base/json/json.h"
#include "model/constraint.h"
#include "model/device_attribute.h"
#include "model/proto/constraint.pb.h"

/// For tests against recorded tables: reads questions, a JSON object a line, and writes the answers likewise.
///   table_answers constraints | constraint-validation | device-attributes | device-constraints
namespace {

using namespace drover;

std::string text_of(const Value& question, std::string_view name) {
  const Value* member = question.find(name);
  return member && member->is_text() ? member->text() : "";
}

bool is_true(const Value& question, std::string_view name) {
  const Value* member = question.find(name);
  return member && member->kind() == Value::Kind::boolean && member->boolean();
}

Value answer(std::string_view key, Value value) {
  Value out = Value::map();
  out.set(std::string(key), std::move(value));
  return out;
}

Value constraint(const Value& question) {
  const std::string left = text_of(question, "left"), right = text_of(question, "right");
  const bool left_found = is_true(question, "left_found"), right_found = is_true(question, "right_found");
  const model::Condition condition(left, text_of(question, "op"), right);
  return answer("result", Value(condition.holds(left_found ? std::optional<std::string_view>(left) : std::nullopt,
                                                right_found ? std::optional<std::string_view>(right) : std::nullopt)));
}

Value constraint_validation(const Value& question) {
  model::Constraint constraint;
  constraint.set_l_target(text_of(question, "left"));
  constraint.set_operand(text_of(question, "op"));
  constraint.set_r_target(text_of(question, "right"));
  const std::vector<std::string> problems = model::problems_of(constraint);
  Value out = answer("valid", Value(problems.empty()));
  if (problems.empty()) return out;
  std::string text = std::to_string(problems.size()) + (problems.size() == 1 ? " error" : " errors") + " occurred:\n";
  for (const std::string& problem : problems) text += "\t* " + problem + "\n";
  out.set("error", Value(text + "\n"));
  return out;
}

Value device_attribute(const Value& question) {
  const model::Measured attribute = model::Measured::parse(text_of(question, "input"));
  Value out = Value::map();
  const auto set = [&](std::string_view name, std::size_t kind, Value value) { out.set(name, attribute.value.index() == kind ? std::move(value) : Value()); };
  const auto* whole = std::get_if<std::int64_t>(&attribute.value);
  const auto* real = std::get_if<double>(&attribute.value);
  const auto* flag = std::get_if<bool>(&attribute.value);
  const auto* text = std::get_if<std::string>(&attribute.value);
  set("Int", 0, whole ? Value(*whole) : Value());
  set("Float", 1, real ? Value(*real) : Value());
  set("Bool", 2, flag ? Value(*flag) : Value());
  set("String", 3, text ? Value(*text) : Value());
  out.set("Unit", Value(attribute.unit));
  return answer("result", std::move(out));
}

Value device_constraint(const Value& question) {
  const auto left = model::Measured::parse(text_of(question, "left")), right = model::Measured::parse(text_of(question, "right"));
  return answer("result", Value(model::device_constraint_holds(is_true(question, "left_found") ? &left : nullptr, text_of(question, "op"), is_true(question, "right_found") ? &right : nullptr)));
}

const std::map<std::string, std::function<Value(const Value&)>> tables = {
    {"constraints", constraint},
    {"constraint-validation", constraint_validation},
    {"device-attributes", device_attribute},
    {"device-constraints", device_constraint},
};

}  // namespace

int main(int argc, char** argv) {
  const auto table = tables.find(argc == 2 ? argv[1] : "");
  if (table == tables.end()) return std::cerr << "usage: table_answers <table>\n", 2;
  for (std::string line; std::getline(std::cin, line);) {
    const Result<Value> question = json::parse(line);
    if (!question) return std::cerr << "not a question: " << line << "\n", 1;
    std::cout << json::write(table->second(*question)) << "\n";
  }
  return 0;
}
