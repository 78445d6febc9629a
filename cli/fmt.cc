#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <vector>

#include "base/hcl/format.h"
#include "base/hcl/parser.h"
#include "cli/command.h"
#include "cli/local_files.h"

/// drover fmt: lays HCL files out. The layout itself is base/hcl/format.h.
namespace drover::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_max = 100'000;  ///< found in the named folders
constexpr std::size_t diff_context = 3;     ///< lines shown around a change

struct Wanted {
  bool check = false, list = true, write = true, diff = false, recursive = false;
};

bool is_hcl_file(const fs::path& path) {
  const std::string name = path.filename().string();
  return !name.starts_with(".") && (name.ends_with(".hcl") || name.ends_with(".nomad"));
}

Result<void> add_files_of(const fs::path& folder, bool recursive, std::vector<fs::path>& out) {
  std::error_code problem;
  std::vector<fs::path> files, folders;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    std::error_code unreadable;
    const bool is_folder = entry->is_directory(unreadable) && !entry->is_symlink(unreadable);
    if (is_folder && !entry->path().filename().string().starts_with(".")) folders.push_back(entry->path());
    if (entry->is_regular_file(unreadable) && is_hcl_file(entry->path())) files.push_back(entry->path());
  }
  if (problem) return fail(Code::invalid, "list {}: {}", folder.string(), problem.message());
  std::ranges::sort(files);
  std::ranges::sort(folders);
  out.insert(out.end(), files.begin(), files.end());
  if (out.size() > files_max) return fail(Code::exhausted, "more than {} files below the folders named: name fewer", files_max);
  if (!recursive) return {};
  for (const fs::path& inner : folders) DROVER_TRY(add_files_of(inner, true, out));
  return {};
}

/// Through a file beside it, so that a full disk or a signal never leaves half a file. Keeps the permissions.
Result<void> replace_file(const fs::path& named, std::string_view text) {
  std::error_code problem;
  const fs::path path = fs::canonical(named, problem);
  if (problem) return fail(Code::invalid, "{}: {}", named.string(), problem.message());
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return fail(Code::invalid, "{}: {}", path.string(), std::strerror(errno));
  std::string beside = path.string() + ".fmt-XXXXXX";
  const int fd = mkstemp(beside.data());
  if (fd < 0) return fail(Code::denied, "write beside {}: {}", path.string(), std::strerror(errno));
  bool good = fchmod(fd, status.st_mode & 07777) == 0;
  if (geteuid() == 0 && fchown(fd, status.st_uid, status.st_gid) != 0) good = false;
  while (good && !text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) good = false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  good = good && fsync(fd) == 0;
  const int cause = errno;
  ::close(fd);
  if (good && std::rename(beside.c_str(), path.c_str()) == 0) return {};
  ::unlink(beside.c_str());
  return fail(Code::denied, "write {}: {}", path.string(), std::strerror(good ? errno : cause));
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// A unified diff. Formatting moves nothing from one line to another, so lines are compared one by one.
std::string unified(const std::string& name, std::string_view before, std::string_view after) {
  const auto old_lines = lines_of(before), new_lines = lines_of(after);
  const std::size_t count = std::min(old_lines.size(), new_lines.size());
  std::string out = fmt::format("--- {}\n+++ {} (formatted)\n", name, name);
  for (std::size_t i = 0; i < count;) {
    if (old_lines[i] == new_lines[i]) {
      ++i;
      continue;
    }
    // A hunk ends where the next change is farther than both contexts.
    std::size_t last = i;
    for (std::size_t j = i; j < count && j <= last + 2 * diff_context; ++j)
      if (old_lines[j] != new_lines[j]) last = j;
    const std::size_t from = i - std::min(i, diff_context), to = std::min(last + diff_context + 1, count);
    out += fmt::format("@@ -{},{} +{},{} @@\n", from + 1, to - from, from + 1, to - from);
    for (std::size_t j = from; j < to;) {
      if (old_lines[j] == new_lines[j]) {
        out += fmt::format(" {}\n", old_lines[j++]);
        continue;
      }
      std::size_t end = j;
      while (end < to && old_lines[end] != new_lines[end]) ++end;
      for (std::size_t k = j; k < end; ++k) out += fmt::format("-{}\n", old_lines[k]);
      for (std::size_t k = j; k < end; ++k) out += fmt::format("+{}\n", new_lines[k]);
      j = end;
    }
    i = to;
  }
  return out;
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

/// Formats one text; false where it does not parse or could not be written. `changed` is set where it was laid out otherwise.
bool process(const std::string& name, const std::string& text, const Wanted& wanted, const fs::path* file, bool& changed) {
  hcl::Diagnostics problems;
  hcl::parse_file(name, text, problems);
  if (hcl::has_errors(problems)) {
    err(hcl::render(problems));
    return false;
  }
  const std::string after = hcl::format(text);
  const bool differs = after != text;
  changed |= differs;
  if (differs && wanted.list && file) out(name);
  if (wanted.diff) {
    if (differs) print(unified(name, text, after));
  } else if (!file || (!wanted.list && !wanted.write)) {
    print(after);
  }
  if (!differs || !file || !wanted.write) return true;
  const Result<void> written = replace_file(*file, after);
  if (!written) err(written.error().message);
  return written.ok();
}

Result<std::vector<fs::path>> files_named(const std::vector<std::string>& args, bool recursive) {
  std::vector<fs::path> files;
  for (const std::string& arg : args) {
    std::error_code problem;
    if (!fs::is_directory(arg, problem)) {
      files.emplace_back(arg);
      continue;
    }
    DROVER_TRY(add_files_of(arg, recursive, files));
  }
  return files;
}

int format_command(Context& context) {
  Wanted wanted{.check = context.flags.is_on("check"), .list = context.flags.is_on("list", true), .write = context.flags.is_on("write", true),
                .diff = context.flags.is_on("diff"), .recursive = context.flags.is_on("recursive")};
  if (wanted.check) wanted.write = false;
  std::vector<std::string> args = context.args();
  if (args.empty()) args.emplace_back(".");
  bool good = true, changed = false;
  if (args.size() == 1 && args[0] == "-") {
    const std::string text(std::istreambuf_iterator<char>(std::cin), {});
    good = process("<stdin>", text, wanted, nullptr, changed);
  } else {
    const auto files = files_named(args, wanted.recursive);
    if (!files.ok()) return failed("Error", files.error());
    for (const fs::path& file : *files) {
      const auto text = read_file(file);
      if (!text.ok()) err(text.error().message);
      good &= text.ok() && process(file.string(), *text, wanted, &file, changed);
    }
  }
  return !good || (wanted.check && changed) ? 1 : 0;
}

}  // namespace

void add_fmt_commands(std::vector<Command>& rows) {
  rows.push_back({"fmt", "[path...]", "lays job files and other HCL out in the usual way; - reads standard input", "drover fmt -recursive jobs/",
                  {{"check", "", "write nothing; exit code 1 where a file is laid out otherwise"},
                   {"list", "", "name the files whose layout differs (the default)"},
                   {"write", "", "write the files (the default)"},
                   {"diff", "", "show what changes"},
                   {"recursive", "", "the folders within the named folders, too"}},
                  format_command, 0, SIZE_MAX, "files"});
}

}  // namespace drover::cli
