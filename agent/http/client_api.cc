#include "agent/http/client_api.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "agent/alloc/alloc_runner.h"
#include "agent/drivers/drivers.h"
#include "agent/host_facts.h"
#include "agent/http/checks_json.h"
#include "agent/http/usage_json.h"
#include "base/json/json.h"

namespace drover::agent {
namespace {

constexpr std::string_view prefix = "/v1/client/";
constexpr const char* index_answer = R"({"Index":0})";

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    out.emplace_back(part);
  }
  return out;
}

bool is_write(const http::Request& request) { return request.method == "PUT" || request.method == "POST"; }

/// A member of a JSON object, whatever the case of its name; "" when it is absent or null.
std::string member(const Value& object, std::string_view name) {
  const auto lower = [](std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
  };
  if (!object.is_map()) return "";
  for (const auto& [key, value] : object.members()) {
    if (lower(key) != lower(name)) continue;
    if (value.is_text()) return value.text();
    if (value.is_bool()) return value.boolean() ? "true" : "";
  }
  return "";
}

Result<Value> body_of(const http::Request& request) {
  if (request.body.empty()) return Value::map();
  return json::parse(request.body);
}

/// A task that is not there is an error of the agent's, in the eyes of clients.
http::Response failed(const Error& error) { return text_answer(500, error.message); }

}  // namespace

http::Response text_answer(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(text);
  return response;
}

http::Response json_answer(std::string json) {
  http::Response response;
  response.headers.set("Content-Type", "application/json");
  response.body = std::move(json);
  return response;
}

http::Response unknown_alloc(const std::string& id) { return text_answer(404, text("Unknown allocation \"{}\"", id)); }

std::string parameter(const http::Request& request, std::string_view name) {
  const std::string* value = request.parameter(name);
  return value == nullptr ? "" : *value;
}

Async<http::Response> ClientApi::handle(http::Request request) {
  if (!request.path.starts_with(prefix)) co_return text_answer(404, "Invalid method");
  const Path path = split(std::string_view(request.path).substr(prefix.size()));
  const std::string first = path.empty() ? "" : path[0];
  if (first == "fs") co_return co_await about_files(path, std::move(request));
  if (first == "allocation") co_return co_await about_alloc(path, std::move(request));
  if (first == "stats" && path.size() == 1) co_return co_await host_use();
  if (first == "gc" && path.size() == 1) {
    owner_.collect_all();
    http::Response done;
    co_return done;
  }
  if (first == "metadata" || first == "identity")
    co_return text_answer(501, text("client/{} is not supported yet", first));
  co_return text_answer(404, "Invalid method");
}

Async<http::Response> ClientApi::about_alloc(Path path, http::Request request) {
  if (path.size() != 3) co_return text_answer(404, "resource not found");
  const std::string id = path[1], what = path[2];
  if (owner_.find_alloc(id) == nullptr) co_return unknown_alloc(id);
  if (what == "stats") co_return co_await usage(id, std::move(request));
  if (what == "checks") co_return json_answer(checks_json(*owner_.find_alloc(id)));
  if (what == "gc") {
    const Result<void> collected = owner_.collect(id);
    co_return collected ? json_answer(index_answer) : text_answer(500, collected.error().message);
  }
  if (what == "restart" || what == "signal") {
    if (what == "signal" && !is_write(request)) co_return text_answer(405, "Invalid method");
    if (what == "restart") co_return co_await restart(id, std::move(request));
    co_return co_await signal(id, std::move(request));
  }
  if (what == "exec") co_return exec(id, std::move(request));
  if (what == "snapshot" || what == "pause")
    co_return text_answer(501, text("client/allocation/{} is not supported yet", what));
  co_return text_answer(404, "resource not found");
}

Async<http::Response> ClientApi::usage(std::string alloc_id, http::Request request) {
  const std::string wanted = parameter(request, "task");
  struct Running {
    std::string name, driver, id;
  };
  std::vector<Running> running;
  for (const TaskRunner* task : owner_.find_alloc(alloc_id)->tasks()) {
    const std::string name = task->view().name;
    if (!task->task_id().empty() && (wanted.empty() || wanted == name))
      running.push_back({name, task->driver(), task->task_id()});
  }

  std::map<std::string, TaskUsage> usages;
  for (const Running& task : running) {
    Result<TaskUsage> measured = co_await parts_.drivers.task_usage(task.driver, task.id);
    if (measured) usages[task.name] = std::move(measured).value();
  }
  co_return json_answer(alloc_usage_json(usages));
}

Async<http::Response> ClientApi::restart(std::string alloc_id, http::Request request) {
  const Result<Value> body = body_of(request);
  if (!body) co_return text_answer(400, body.error().message);
  AllocRunner* alloc = owner_.find_alloc(alloc_id);
  std::string task = member(*body, "TaskName");
  const bool all_tasks = member(*body, "AllTasks") == "true";
  const Result<void> restarted = co_await alloc->restart(std::move(task), all_tasks);
  co_return restarted ? json_answer(index_answer) : failed(restarted.error());
}

Async<http::Response> ClientApi::signal(std::string alloc_id, http::Request request) {
  const Result<Value> body = body_of(request);
  if (!body) co_return text_answer(400, body.error().message);
  AllocRunner* alloc = owner_.find_alloc(alloc_id);
  std::string task = member(*body, "Task"), name = member(*body, "Signal");
  const Result<void> sent = co_await alloc->signal(std::move(task), std::move(name));
  co_return sent ? json_answer(index_answer) : failed(sent.error());
}

Async<http::Response> ClientApi::host_use() {
  const HostUse use = co_await parts_.facts.use();
  co_return json_answer(host_use_json(use, parts_.loop.now()));
}

}  // namespace drover::agent
