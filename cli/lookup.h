#pragma once

#include <string>

#include "cli/command.h"

/// From what a person types (a name, or the start of an id) to one object. Errors are whole sentences, ready to be shown.
namespace drover::cli {

/// A job by id or prefix: its stub {ID, Namespace, …}. Several matches are listed in the error. With `filter` only jobs
/// that it lets through are looked at, and errors call them `what` jobs ("periodic").
Result<Value> find_job(Context& context, const std::string& name, const std::string& what = "", bool (*filter)(const Value&) = nullptr);

/// Runs `act` on the job that the first argument names; the exit code.
int with_job(Context& context, int (*act)(Context&, const Value& stub));

/// The path of a job's API, e.g. job_path(stub, "/summary").
std::string job_path(const Value& stub, std::string_view rest = "");

/// The full id of an allocation or evaluation by id or prefix (at least 2 characters). `path` is the list, e.g.
/// "/v1/allocations"; `what` is how errors call it, e.g. "allocation".
Result<std::string> find_id(Context& context, const std::string& prefix, const std::string& path, const std::string& what);

/// A deployment by id or prefix.
Result<std::string> find_deployment(Context& context, const std::string& prefix);

/// An allocation by id or prefix; or, when that names none, the newest running allocation of the job of that name. With
/// -job the argument is a job, and -group narrows its allocations.
Result<std::string> find_alloc(Context& context, const std::string& name);

/// The task that is meant: `named`, or the only one of the allocation's group. `alloc` is the API object.
Result<std::string> find_task(const Value& alloc, const std::string& named);

/// A node by id or prefix, or by its name.
Result<std::string> find_node(Context& context, const std::string& name);
/// The node of the agent that is asked.
Result<std::string> own_node(Context& context);

/// The id that is there, or the sentence on standard error and nothing.
std::optional<std::string> shown(Result<std::string> id);

}  // namespace drover::cli
