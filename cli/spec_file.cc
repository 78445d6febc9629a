#include "cli/spec_file.h"

#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "base/json/json.h"
#include "cli/local_files.h"

namespace drover::cli {
namespace {

/// The first mistake as one line, as other tools of the same API tell it, then all of them with their places.
std::string all_mistakes(const hcl::Diagnostics& diagnostics) {
  std::string first, rest;
  for (const hcl::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity != hcl::Severity::error) continue;
    if (first.empty()) first = hcl::one_line(diagnostic);
    rest += "\n" + hcl::render(diagnostic);
  }
  while (rest.ends_with('\n')) rest.pop_back();
  return first + "\n" + rest;
}

}  // namespace

Result<Value> read_spec_file(model::SpecKind kind, const std::string& path, bool is_json) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
    if (text.size() > file_bytes_max) return fail(Code::exhausted, "standard input: larger than {} bytes", file_bytes_max);
  } else {
    auto read = read_file(path);
    if (!read.ok()) return fail(read.error().code, "cannot read {}: {}", path, read.error().message);
    text = std::move(*read);
  }
  const std::string name = path == "-" ? "<stdin>" : path;
  if (is_json) {
    auto value = json::parse(text);
    if (!value.ok()) return fail(Code::invalid, "Failed to parse input content: {}: {}", name, value.error().message);
    if (!value->is_map()) return fail(Code::invalid, "Failed to parse input content: {}: expected an object, found {}", name, to_text(value->kind()));
    return std::move(*value);
  }
  model::ParsedSpec parsed = model::parse_spec(kind, std::move(text), name);
  if (!parsed.object) return fail(Code::invalid, "Failed to parse input content: {}", all_mistakes(parsed.diagnostics));
  return std::move(*parsed.object);
}

}  // namespace drover::cli
