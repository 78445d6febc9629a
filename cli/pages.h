#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

/// Lists in pages, and their filters.
namespace drover::cli {

/// -filter, -per-page, -page-token.
void add_page_flags(std::vector<Flag>& flags);
Query page_query(const Context& context);
/// How to get the next page, when there is one.
void tell_next_page(const Context& context, const std::string& next_token);

}  // namespace drover::cli
