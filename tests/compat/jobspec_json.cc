#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "base/hcl/disk_files.h"
#include "base/hcl/eval.h"
#include "base/hcl/format.h"
#include "base/hcl/parser.h"
#include "base/json/json.h"
#include "base/loop/random.h"
#include "model/jobspec/jobspec.h"
#include "model/json/codec.h"
#include "model/proto/job.pb.h"

extern char** environ;

/// For tests against recorded job files: what `drover job run -output` and an evaluation of single expressions give,
/// without the command line around them.
///   jobspec_json [-var N=V] [-var-file F] [-hcl2-strict=false] [-no-files] [-json] [-plain] FILE
///                                                       the job as JSON, or errors (-plain: a line each) and exit 1
///   jobspec_json -eval                                                 a JSON object with "expression" a line, answers likewise
///   jobspec_json -fmt FILE                                             the file laid out
namespace {

using namespace drover;

std::optional<std::string> read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// The API's own form: a job, or {"Job": job}.
int print_api_json(const std::string& text) {
  model::Job job;
  Result<void> read = model::from_json_member(text, "Job", job);
  if (!read && read.error().code == Code::not_found) read = model::from_json(text, job);
  if (!read) return std::cerr << read.error().message << "\n", 1;
  std::cout << "{\"Job\":" << model::to_json(job, model::Form::sent) << "}\n";
  return 0;
}

int parse(int argc, char** argv) {
  model::JobspecOptions options;
  RealRandom random;
  hcl::DiskFiles files(".", environment("HOME"));
  options.random = &random;
  options.files = &files;
  std::string file;
  bool api_json = false, plain = false;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "-var" && i + 1 < argc) {
      options.variables.emplace_back(argv[++i]);
    } else if (arg.starts_with("-var-file=")) {
      const std::string name = arg.substr(10);
      const std::optional<std::string> text = read(name);
      if (!text) return std::cerr << "cannot read " << name << "\n", 1;
      options.variable_files.push_back({base_name(name), *text});
    } else if (arg == "-hcl2-strict=false") {
      options.strict = false;
    } else if (arg == "-plain") {
      plain = true;
    } else if (arg == "-json") {
      api_json = true;
    } else if (arg == "-no-files") {
      options.files = nullptr;
    } else {
      file = arg;
    }
  }
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    for (const std::string prefix : {"NOMAD_VAR_", "DROVER_VAR_"})
      if (text.starts_with(prefix)) options.environment.emplace_back(text.substr(prefix.size(), text.find('=') - prefix.size()), text.substr(text.find('=') + 1));
  }
  const std::optional<std::string> text = read(file);
  if (!text) return std::cerr << "cannot read " << file << "\n", 1;
  if (api_json) return print_api_json(*text);
  const model::ParsedJob parsed = model::parse_job(*text, base_name(file), options);
  if (plain)
    for (const hcl::Diagnostic& d : parsed.diagnostics) std::cerr << hcl::one_line(d) << "\n";
  else
    std::cerr << hcl::render(parsed.diagnostics) << hcl::render(parsed.refusals);
  if (!parsed.job) return 1;
  std::cout << "{\"Job\":" << model::to_json(*parsed.job, model::Form::sent) << "}\n";
  return 0;
}

/// A type as the recorded tables write it: "string", ["list", "string"], ["object", {"a": "number"}].
std::string type_json(const hcl::Type& type) {
  switch (type.kind()) {
    case hcl::Kind::dynamic: return "\"dynamic\"";
    case hcl::Kind::string: return "\"string\"";
    case hcl::Kind::number: return "\"number\"";
    case hcl::Kind::boolean: return "\"bool\"";
    case hcl::Kind::list: return "[\"list\"," + type_json(type.element()) + "]";
    case hcl::Kind::set: return "[\"set\"," + type_json(type.element()) + "]";
    case hcl::Kind::map: return "[\"map\"," + type_json(type.element()) + "]";
    case hcl::Kind::tuple: {
      std::string out;
      for (const hcl::Type& item : type.items()) out += (out.empty() ? "" : ",") + type_json(item);
      return "[\"tuple\",[" + out + "]]";
    }
    case hcl::Kind::object: {
      std::string out;
      for (const auto& attribute : type.attributes()) out += (out.empty() ? "" : ",") + json::write(Value(attribute.name)) + ":" + type_json(attribute.type);
      return "[\"object\",{" + out + "}]";
    }
  }
  return "null";
}

std::string evaluated(const std::string& expression, const hcl::Functions& functions) {
  hcl::Diagnostics errors;
  const auto source = hcl::Source::make("expression", expression);
  const hcl::ExpressionPtr parsed = hcl::parse_expression(*source, errors);
  const bool syntax = hcl::has_errors(errors);
  hcl::Datum value;
  if (!syntax) {
    hcl::Scope scope;
    hcl::Budget budget;
    scope.use(functions);
    scope.use(budget);
    scope.set("var", hcl::Datum::object({}));
    scope.set("local", hcl::Datum::object({}));
    scope.keep_unknown_references();
    value = hcl::evaluate(*parsed, &scope, errors);
  }
  if (!hcl::has_errors(errors)) {
    hcl::Datum::List wrapped{value};
    // jsonencode keeps all digits of a number, which the recorded answers have.
    const auto text = functions.find("jsonencode")->run(functions.world(), wrapped);
    if (text) return "{\"type\":" + type_json(value.type()) + ",\"value\":" + text->text() + "}";
    return "{\"type\":" + type_json(value.type()) + ",\"unrepresentable\":true}";
  }
  std::string list;
  for (const hcl::Diagnostic& d : errors)
    list += (list.empty() ? "" : ",") + std::string("{\"summary\":") + json::write(Value(d.summary)) + ",\"detail\":" + json::write(Value(d.detail)) + ",\"range\":[" + std::to_string(d.subject.start.line) +
            "," + std::to_string(d.subject.start.column) + "," + std::to_string(d.subject.end.line) + "," + std::to_string(d.subject.end.column) + "]}";
  return std::string("{\"stage\":\"") + (syntax ? "syntax" : "evaluation") + "\",\"errors\":[" + list + "]}";
}

/// As `drover fmt -check -list=false` does it: the laid out text, and exit code 1 where it differs.
int format_file(const std::string& file) {
  const std::optional<std::string> text = read(file);
  if (!text) return std::cerr << "cannot read " << file << "\n", 1;
  hcl::Diagnostics errors;
  hcl::parse_file(base_name(file), *text, errors);
  if (hcl::has_errors(errors)) return std::cerr << hcl::render(errors), 1;
  const std::string out = hcl::format(*text);
  std::cout << out;
  return out == *text ? 0 : 1;
}

int evaluate_lines() {
  RealRandom random;
  hcl::DiskFiles files(".", environment("HOME"));
  const hcl::Functions functions = hcl::standard_functions(hcl::World{&random, &files});
  for (std::string line; std::getline(std::cin, line);) {
    const Result<Value> question = json::parse(line);
    const Value* expression = question ? question->find("expression") : nullptr;
    if (!expression || !expression->is_text()) return std::cerr << "not a question: " << line << "\n", 1;
    std::cout << evaluated(expression->text(), functions) << "\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "-eval") return evaluate_lines();
  if (argc == 3 && std::string(argv[1]) == "-fmt") return format_file(argv[2]);
  return parse(argc, argv);
}
