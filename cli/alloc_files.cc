#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "cli/command.h"
#include "cli/frames.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "model/json/text.h"

/// alloc logs and alloc fs: what tasks wrote.
namespace drover::cli {
namespace {

constexpr std::int64_t lines_default = 10;
constexpr std::int64_t lines_max = 1'000'000;
constexpr std::int64_t bytes_a_line = 120;          ///< how far from the end a number of lines is first looked for
constexpr std::int64_t tail_bytes_max = 64ll << 20; ///< and how far at most

void write_raw(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

/// What -tail, -n and -c ask for.
struct Tail {
  bool wanted = false;
  std::int64_t lines = 0, bytes = 0;  ///< one of them, where wanted
};

Result<std::int64_t> number_of(const Context& context, std::string_view flag, std::int64_t most) {
  const std::string text = context.flags.text(flag);
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0) return fail(Code::invalid, "invalid value \"{}\" for flag -{}: expected a number that is not negative", text, flag);
  return std::min(number, most);
}

Result<Tail> tail_of(const Context& context) {
  Tail tail{.wanted = context.flags.is_on("tail") || context.flags.has("n") || context.flags.has("c"), .lines = lines_default};
  if (context.flags.has("n")) {
    DROVER_LET(tail.lines, number_of(context, "n", lines_max));
  } else if (context.flags.has("c")) {
    DROVER_LET(tail.bytes, number_of(context, "c", tail_bytes_max));
    tail.lines = 0;
  }
  return tail;
}

/// Prints the log of a task. Following, it ends with the task or when the person watching has had enough.
Result<void> print_log(Api& api, World& world, const std::string& alloc, const std::string& task, const std::string& type, const Tail& tail, bool follow, std::FILE* file) {
  Query query = {{"task", task}, {"type", type}, {"plain", "true"}, {"follow", follow ? "true" : "false"}};
  const std::int64_t back = tail.lines > 0 ? std::min(tail.lines * bytes_a_line, tail_bytes_max) : tail.bytes;
  if (tail.wanted) query.insert(query.end(), {{"origin", "end"}, {"offset", std::to_string(back)}});
  const bool counts_lines = tail.wanted && tail.lines > 0;
  bool at_start = true;
  std::string gathered;
  auto take = [&](std::string_view piece) {
    if (counts_lines && !follow) gathered += piece;
    else write_raw(file, counts_lines && at_start ? last_lines(piece, static_cast<std::size_t>(tail.lines)) : piece);
    at_start = false;
    return !world.interrupted();
  };
  DROVER_TRY(api.stream("/v1/client/fs/logs/" + alloc, query, take, world.interrupted));
  write_raw(file, last_lines(gathered, static_cast<std::size_t>(std::max<std::int64_t>(1, tail.lines))));
  return {};
}

int log_failed(const Context& context, const std::string& type, const Error& error) {
  if (context.world.interrupted()) return 0;
  return failed("Failed to read " + type + " file: error reading file", error);
}

/// Standard output and standard error at once, each to its own.
int follow_both(Context& context, const std::string& alloc, const std::string& task) {
  Api other(context.api.endpoint());
  World& world = context.world;
  Result<void> errors = Result<void>();
  std::thread second([&other, &world, &alloc, &task, &errors] { errors = print_log(other, world, alloc, task, "stderr", Tail(), true, stderr); });
  const Result<void> output = print_log(context.api, world, alloc, task, "stdout", Tail(), true, stdout);
  second.join();
  if (!output.ok()) return log_failed(context, "stdout", output.error());
  return errors.ok() ? 0 : log_failed(context, "stderr", errors.error());
}

int alloc_logs(Context& context) {
  const bool want_out = context.flags.is_on("stdout"), want_err = context.flags.is_on("stderr"), follow = context.flags.is_on("f");
  if (want_out && want_err) {
    err("Unable to support both stdout and stderr");
    return 1;
  }
  const auto tail = tail_of(context);
  if (!tail.ok()) return usage_error(context, tail.error().message);
  const auto id = shown(find_alloc(context, context.args()[0]));
  if (!id) return 1;
  const std::string named = context.flags.text("task", context.args().size() > 1 ? context.args()[1] : "");
  std::string task = named;
  if (task.empty()) {
    auto alloc = context.api.get("/v1/allocation/" + *id);
    if (!alloc.ok()) return failed("Error querying allocation", alloc.error());
    auto only = find_task(*alloc, "");
    if (!only.ok()) return failed("Failed to validate task", only.error());
    task = *only;
  }
  context.world.catch_interrupt();
  if (follow && !tail->wanted && !want_out && !want_err) return follow_both(context, *id, task);
  const std::string type = want_err ? "stderr" : "stdout";
  const auto done = print_log(context.api, context.world, *id, task, type, *tail, follow, stdout);
  return done.ok() ? 0 : log_failed(context, type, done.error());
}

/// The end of a file, and with -f what is added to it.
int print_end(Context& context, const std::string& alloc, const std::string& path, std::int64_t size, const Tail& tail) {
  const std::int64_t back = std::min(size, tail.lines > 0 ? std::min(tail.lines * bytes_a_line, tail_bytes_max) : tail.bytes);
  if (tail.wanted && back > 0) {
    auto text = context.api.get_text("/v1/client/fs/readat/" + alloc, {{"path", path}, {"offset", std::to_string(size - back)}, {"limit", std::to_string(back)}});
    if (!text.ok()) return failed("Error reading file", text.error());
    write_raw(stdout, tail.lines > 0 ? last_lines(*text, static_cast<std::size_t>(tail.lines)) : std::string_view(*text));
  }
  if (!context.flags.is_on("f")) return 0;
  context.world.catch_interrupt();
  FrameReader frames;
  Result<void> broken = Result<void>();
  auto take = [&](std::string_view piece) {
    broken = frames.take(piece, [](const Value& frame) { write_raw(stdout, model::parse_base64(text_of(frame, "Data")).value_or("")); });
    return broken.ok() && !context.world.interrupted();
  };
  Query query = {{"path", path}, {"origin", "start"}, {"offset", std::to_string(tail.wanted ? size : 0)}, {"follow", "true"}};
  const auto done = context.api.stream("/v1/client/fs/stream/" + alloc, query, take, context.world.interrupted);
  if (context.world.interrupted()) return 0;
  if (!broken.ok()) return failed("Error reading file", broken.error());
  return done.ok() ? 0 : failed("Error reading file", done.error());
}

std::vector<std::string> file_row(const Context& context, const Value& file, bool with_type) {
  const std::string size = context.flags.is_on("H") ? text_of(file, "Size") : bytes_text(static_cast<double>(integer_of(file, "Size")));
  std::vector<std::string> row = {text_of(file, "FileMode"), size, stamp(time_of(file, "ModTime"))};
  if (with_type) row.push_back(text_of(file, "ContentType"));
  row.push_back(text_of(file, "Name") + (bool_of(file, "IsDir") ? "/" : ""));
  return row;
}

int list_folder(Context& context, const std::string& alloc, const std::string& path) {
  auto files = context.api.get("/v1/client/fs/ls/" + alloc, {{"path", path}});
  if (!files.ok()) return failed("Error listing alloc dir", files.error());
  std::vector<std::vector<std::string>> rows = {{"Mode", "Size", "Modified Time", "Name"}};
  for (const Value& file : files->items()) rows.push_back(file_row(context, file, false));
  out(table(rows));
  return 0;
}

int alloc_fs(Context& context) {
  const auto tail = tail_of(context);
  if (!tail.ok()) return usage_error(context, tail.error().message);
  const auto id = shown(find_alloc(context, context.args()[0]));
  if (!id) return 1;
  const std::string path = context.args().size() > 1 ? context.args()[1] : "/";
  auto stat = context.api.get("/v1/client/fs/stat/" + *id, {{"path", path}});
  if (!stat.ok()) {
    err(stat.error().message);
    return 1;
  }
  if (context.flags.is_on("stat")) {
    out(table({{"Mode", "Size", "Modified Time", "Content Type", "Name"}, file_row(context, *stat, true)}));
    return 0;
  }
  if (bool_of(*stat, "IsDir")) return list_folder(context, *id, path);
  if (tail->wanted || context.flags.is_on("f")) return print_end(context, *id, path, integer_of(*stat, "Size"), *tail);
  auto done = context.api.stream("/v1/client/fs/cat/" + *id, {{"path", path}}, [](std::string_view piece) {
    write_raw(stdout, piece);
    return true;
  });
  return done.ok() ? 0 : failed("Error reading file", done.error());
}

}  // namespace

void add_alloc_file_commands(std::vector<Command>& rows) {
  const std::vector<Flag> tail_flags = {{"f", "", "follow"}, {"tail", "", "the last 10 lines"}, {"n", "<lines>", "so many last lines"}, {"c", "<bytes>", "so many last bytes"},
                                        {"job", "", "the argument is a job"}, {"group", "<name>", "of this group"}, {"verbose", "", "whole ids"}};
  std::vector<Flag> log_flags = tail_flags, fs_flags = tail_flags;
  log_flags.insert(log_flags.end(), {{"stdout", "", "standard output (the default)"}, {"stderr", "", "standard error"}, {"task", "<name>", "the task"}});
  fs_flags.insert(fs_flags.end(), {{"stat", "", "only what it is"}, {"H", "", "sizes in bytes"}});
  constexpr std::string_view needs_alloc = "An allocation ID is required";
  rows.push_back({"alloc logs", "<alloc|job> [task]", "prints what a task wrote", "drover alloc logs -f 8ba3", log_flags, alloc_logs, 1, 2, "allocs", false, false, needs_alloc});
  rows.push_back({"logs", "<job|alloc> [task]", "short for alloc logs", "drover logs -f web", log_flags, alloc_logs, 1, 2, "jobs", false, false, needs_alloc});
  rows.push_back({"alloc fs", "<alloc|job> [path]", "lists a folder of an allocation, or prints a file", "drover alloc fs 8ba3 alloc/logs", fs_flags, alloc_fs, 1, 2, "allocs", false, false, needs_alloc});
  rows.push_back({"fs", "<alloc|job> [path]", "lists a folder of an allocation, or prints a file", "", fs_flags, alloc_fs, 1, 2, "allocs", true, false, needs_alloc});
}

}  // namespace drover::cli
