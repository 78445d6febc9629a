#include "cli/pages.h"

#include <fmt/format.h>

namespace drover::cli {

void add_page_flags(std::vector<Flag>& flags) {
  flags.insert(flags.end(), {{"filter", "<expression>", "only what the expression lets through"}, {"per-page", "<n>", "so many at most"}, {"page-token", "<token>", "go on from here"}});
}

Query page_query(const Context& context) {
  Query query;
  for (const auto& [flag, parameter] : {std::pair{"filter", "filter"}, {"per-page", "per_page"}, {"page-token", "next_token"}}) {
    if (context.flags.has(flag)) query.emplace_back(parameter, context.flags.text(flag));
  }
  return query;
}

void tell_next_page(const Context& context, const std::string& next_token) {
  if (next_token.empty()) return;
  std::string words;
  for (const Flag& flag : context.command.flags) {
    if (flag.name == "page-token") continue;
    for (const std::string& value : context.flags.all(flag.name)) words += flag.value.empty() ? fmt::format(" -{}", flag.name) : fmt::format(" -{} {}", flag.name, value);
  }
  out(fmt::format("\nResults have been paginated. To get the next page run:\n\ndrover {}{} -page-token {}", context.command.words, words, next_token));
}

}  // namespace drover::cli
