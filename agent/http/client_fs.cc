// The files and logs of allocations, as /v1/client/fs/… answers them.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "agent/alloc/alloc_runner.h"
#include "agent/files/task_files.h"
#include "agent/http/client_api.h"
#include "agent/http/send_file.h"
#include "base/json/json.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/task_state.pb.h"

namespace drover::agent {
namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

Result<std::int64_t> parse_integer(const std::string& value, std::string_view name) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (value.empty() || error != std::errc() || end != value.data() + value.size()) {
    return fail(Code::invalid, "error parsing {}: strconv.ParseInt: parsing \"{}\": invalid syntax", name, value);
  }
  return number;
}

Result<bool> parse_flag(const http::Request& request, std::string_view name, bool otherwise) {
  const std::string* value = request.parameter(name);
  if (value == nullptr || value->empty()) return otherwise;
  for (const char* yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (*value == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (*value == no) return false;
  }
  return fail(Code::invalid, "failed to parse {} field to boolean: strconv.ParseBool: parsing \"{}\": invalid syntax",
              name, *value);
}

/// Where a stream begins, as its parameters say.
struct Begin {
  std::uint64_t offset = 0;
  bool from_end = false;
  bool follow = false;
};

Result<Begin> parse_begin(const http::Request& request, bool follow_otherwise) {
  Begin begin;
  DROVER_LET(begin.follow, parse_flag(request, "follow", follow_otherwise));
  const std::string offset = parameter(request, "offset"), origin = parameter(request, "origin");
  if (!offset.empty()) {
    DROVER_LET(const std::int64_t number, parse_integer(offset, "offset"));
    begin.offset = number < 0 ? 0 : static_cast<std::uint64_t>(number);
  }
  begin.from_end = origin == "end";
  return begin;
}

bool origin_is_bad(const http::Request& request) {
  const std::string origin = parameter(request, "origin");
  return !origin.empty() && origin != "start" && origin != "end";
}

int status_of(const Error& error) { return error.code == Code::not_found ? 404 : 500; }

}  // namespace

Async<http::Response> ClientApi::about_files(Path path, http::Request request) {
  if (path.size() < 2 || path[1].empty()) co_return text_answer(404, "Invalid method");
  const std::string what = path[1], id = path.size() > 2 ? path[2] : "";
  constexpr std::array<std::string_view, 6> known = {"ls", "stat", "cat", "readat", "stream", "logs"};
  if (std::find(known.begin(), known.end(), what) == known.end()) co_return text_answer(404, "Invalid method");
  if (id.empty()) co_return text_answer(400, "must provide a valid alloc id");
  if (owner_.find_alloc(id) == nullptr) co_return unknown_alloc(id);

  using Opened = Result<AllocFolder>;
  const std::string root = parts_.files.alloc_dirs(id).root;
  std::function<Opened()> open = [root] { return AllocFolder::open(root); };
  Result<Opened> opened = co_await run_on_pool<Opened>(parts_.workers, parts_.loop, std::move(open));
  if (!opened) co_return text_answer(500, opened.error().message);
  if (!*opened) co_return text_answer(status_of((*opened).error()), (*opened).error().message);
  const AllocFolder folder = std::move(*opened).value();

  if (what == "ls") co_return co_await list(folder, std::move(request));
  if (what == "logs") co_return logs(folder, id, request);
  if (what == "cat" || what == "readat") co_return co_await cat(folder, std::move(request), what == "readat");
  if (what == "stream") co_return co_await stream(folder, std::move(request));
  co_return co_await stat(folder, std::move(request));
}

Async<http::Response> ClientApi::list(AllocFolder folder, http::Request request) {
  using Listed = Result<std::vector<FileInfo>>;
  const std::string path = parameter(request, "path");
  std::function<Listed()> work = [folder, path] { return folder.list(path); };
  Result<Listed> done = co_await run_on_pool<Listed>(parts_.workers, parts_.loop, std::move(work));
  if (!done) co_return text_answer(500, done.error().message);
  if (!*done) co_return text_answer(status_of((*done).error()), (*done).error().message);
  Value files = Value::list();
  for (const FileInfo& info : **done) files.push(to_value(info));
  co_return json_answer(json::write(files));
}

Async<http::Response> ClientApi::stat(AllocFolder folder, http::Request request) {
  using Found = Result<FileInfo>;
  const std::string path = parameter(request, "path");
  if (path.empty()) co_return text_answer(400, "must provide a file name");
  std::function<Found()> work = [folder, path] { return folder.stat(path); };
  Result<Found> done = co_await run_on_pool<Found>(parts_.workers, parts_.loop, std::move(work));
  if (!done) co_return text_answer(500, done.error().message);
  if (!*done) co_return text_answer(status_of((*done).error()), (*done).error().message);
  co_return json_answer(json::write(to_value(**done)));
}

/// Clients know the errors of cat and readat as a body of status 200.
Async<http::Response> ClientApi::cat(AllocFolder folder, http::Request request, bool part) {
  const std::string path = parameter(request, "path");
  if (path.empty()) co_return text_answer(200, "must provide a file name");
  std::uint64_t offset = 0, limit = no_limit;
  if (part) {
    const Result<std::int64_t> from = parse_integer(parameter(request, "offset"), "offset");
    if (!from) co_return text_answer(200, from.error().message);
    offset = *from < 0 ? 0 : static_cast<std::uint64_t>(*from);
    if (const std::string text = parameter(request, "limit"); !text.empty()) {
      const Result<std::int64_t> most = parse_integer(text, "limit");
      if (!most) co_return text_answer(200, most.error().message);
      if (*most > 0) limit = static_cast<std::uint64_t>(*most);
    }
  }
  using Checked = Result<std::string>;
  std::function<Checked()> work = [folder, path]() -> Checked {
    DROVER_TRY(folder.open_file(path));
    DROVER_LET(const FileInfo info, folder.stat(path));
    return info.content_type;
  };
  Result<Checked> done = co_await run_on_pool<Checked>(parts_.workers, parts_.loop, std::move(work));
  if (!done) co_return text_answer(500, done.error().message);
  if (!*done) co_return text_answer(200, (*done).error().message);

  // Nothing a task has written is to be run by a browser.
  const std::string type = (*done)->starts_with("text/plain") ? "text/plain; charset=utf-8" : "text/plain";
  http::Response response;
  response.headers.set("Content-Type", type);
  response.headers.set("X-Content-Type-Options", "nosniff");
  const SendPlan plan{&parts_.loop, &parts_.workers, folder, offset, false, false, false};
  response.stream = [plan, path, limit](http::StreamWriter& out) { return send_file(plan, path, limit, out); };
  co_return response;
}

Async<http::Response> ClientApi::stream(AllocFolder folder, http::Request request) {
  const std::string path = parameter(request, "path");
  if (path.empty()) co_return text_answer(400, "must provide a file name");
  const Result<Begin> begin = parse_begin(request, true);
  if (!begin) co_return text_answer(500, begin.error().message);
  if (origin_is_bad(request)) co_return text_answer(400, "origin must be start or end");
  std::function<Result<void>()> work = [folder, path]() -> Result<void> {
    DROVER_TRY(folder.open_file(path));
    return {};
  };
  Result<Result<void>> done = co_await run_on_pool<Result<void>>(parts_.workers, parts_.loop, std::move(work));
  if (!done) co_return text_answer(500, done.error().message);
  if (!*done) co_return text_answer(400, (*done).error().message);

  http::Response response;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.compress = false;
  const SendPlan plan{&parts_.loop, &parts_.workers, folder, begin->offset, begin->from_end, begin->follow, true};
  response.stream = [plan, path](http::StreamWriter& out) { return send_file(plan, path, no_limit, out); };
  co_return response;
}

http::Response ClientApi::logs(AllocFolder folder, std::string alloc_id, const http::Request& request) {
  const std::string task = parameter(request, "task"), type = parameter(request, "type");
  if (task.empty()) return text_answer(400, "must provide task name");
  const Result<Begin> begin = parse_begin(request, false);
  if (!begin) return text_answer(400, begin.error().message);
  const Result<bool> plain = parse_flag(request, "plain", false);
  if (!plain) return text_answer(400, plain.error().message);
  if (type != "stdout" && type != "stderr") return text_answer(400, "must provide log type (stdout/stderr)");
  if (origin_is_bad(request)) return text_answer(400, "origin must be start or end");

  const TaskRunner* runner = owner_.find_alloc(alloc_id)->task(task);
  if (runner == nullptr) return text_answer(400, text("unknown task name \"{}\"", task));
  if (runner->state().started_at() == 0)
    return text_answer(404, text("task \"{}\" not started yet. No logs available", task));
  const std::string prefix = task + "." + type + ".";
  if (folder.names("alloc/logs", prefix).empty() && runner->logs_disabled()) {
    return text_answer(404, text("log entry for task \"{}\" and log type \"{}\" not found", task, type));
  }

  http::Response response;
  response.headers.set("Content-Type", *plain ? "text/plain" : "application/json");
  response.compress = false;
  const SendPlan plan{&parts_.loop, &parts_.workers, folder, begin->offset, begin->from_end, begin->follow, !*plain};
  Owner* owner = &owner_;
  const std::function<bool()> ended = [owner, alloc_id, task] {
    const AllocRunner* alloc = owner->find_alloc(alloc_id);
    const TaskRunner* its_task = alloc == nullptr ? nullptr : alloc->task(task);
    return its_task == nullptr || its_task->is_dead();
  };
  response.stream = [plan, prefix, ended](http::StreamWriter& out) { return send_log(plan, prefix, ended, out); };
  return response;
}

}  // namespace drover::agent
