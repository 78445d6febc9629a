#pragma once

#include <string>

#include "cli/command.h"

namespace drover::cli {

/// What a monitor does after its evaluation has ended.
enum class Then {
  end,              ///< nothing
  follow_allocations  ///< until what was placed runs (batch: has ended), or it is clear why not
};

/// Follows an evaluation to its end, then its deployment where there is one, or what it placed. 0, 1 on errors and when
/// something failed, 2 when something was not placed.
int monitor_evaluation(Context& context, const std::string& id, Then then = Then::end);

/// Follows a deployment until it is over: 0 when it was successful, else 1.
int monitor_deployment(Context& context, const std::string& id);

/// The key and value block of a deployment and its table of groups, as `deployment status` shows them.
std::string deployment_text(const Context& context, const Value& deployment);

/// A list of deployments; "No deployments found" when there are none.
std::string deployments_table(const Context& context, const Value::List& deployments);

/// A line of a monitor: "==> <time>: …" or four blanks instead of the arrow.
void headline(Context& context, std::string_view text);
void detail(Context& context, std::string_view text);

}  // namespace drover::cli
