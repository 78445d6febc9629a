#include "cli/driver_project.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "cli/driver_template.h"

namespace drover::cli {
namespace {

constexpr std::size_t name_max = 40;

Result<void> check_name(const std::string& name) {
  const auto is_fine = [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '_' || c == '-'; };
  const bool fits = !name.empty() && name.size() <= name_max && std::islower(static_cast<unsigned char>(name.front())) && std::all_of(name.begin(), name.end(), is_fine);
  if (fits) return {};
  return fail(Code::invalid, "'{}' cannot name a driver: lower case letters, digits, '_' and '-', a letter first, at most {} characters", name, name_max);
}

std::string replaced(std::string text, std::string_view from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

/// "my_driver" → "MyDriver": names of classes.
std::string camel(const std::string& name) {
  std::string out;
  bool starts = true;
  for (const unsigned char c : name) {
    if (std::isalnum(c)) out += static_cast<char>(starts ? std::toupper(c) : c);
    starts = !std::isalnum(c);
  }
  return out;
}

bool is_of_a_package(const std::string& path) { return path.starts_with("debian/") || path.ends_with(".spec"); }

/// The example of the SDK under another name.
std::string source_of(const std::string& name) {
  std::string text = replaced(replaced(hello_source, "HelloDriver", camel(name) + "Driver"), "HelloTask", camel(name) + "Task");
  text = replaced(replaced(text, "\"hello\"", "\"" + name + "\""), "/private/hello\"", "/private/" + name + "\"");
  const std::size_t first_line = text.find('\n');
  return "// The task driver " + name + ": runs a script with /bin/sh." + text.substr(first_line);
}

}  // namespace

Result<std::vector<ProjectFile>> driver_project(const std::string& name) {
  DROVER_TRY(check_name(name));
  const std::string package = "drover-driver-" + replaced(name, "_", "-");
  std::vector<ProjectFile> files;
  for (const TemplateFile& file : template_files) {
    std::string path = file.path;
    std::string text = file.text;
    if (path == "gitignore") path = ".gitignore";
    if (path == "ci/ci.yml") path = ".github/workflows/ci.yml";
    path = replaced(path, "NAME", name);
    text = replaced(text, "drover-driver-@NAME@", package);
    const bool is_program = text.starts_with("#!") && !is_of_a_package(path);
    files.push_back({path, replaced(text, "@NAME@", name), is_program || path == "debian/rules"});
  }
  files.push_back({"src/" + name + ".cc", source_of(name), false});
  return files;
}

}  // namespace drover::cli
