#pragma once

#include <string>
#include <string_view>

#include "model/jobspec/schema.h"

/// The table of job files, written for people.
namespace drover::model::jobspec {

/// How an argument or block is written: "text", "whole number", "duration", "block", …
std::string_view kind_text(Kind kind);

/// Whether it is written with braces, and not with an equals sign.
bool is_written_as_block(Kind kind);

/// docs/jobspec.md: every block with its arguments.
std::string reference_markdown();

/// A row in a few lines of Markdown, as an editor shows it.
std::string hover_markdown(const Row& row);

}  // namespace drover::model::jobspec
