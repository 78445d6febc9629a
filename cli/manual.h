#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

/// Manual pages, made from the table of commands.
namespace drover::cli {

struct ExitCode {
  std::string_view code;
  std::string_view meaning;
};

/// What the exit codes of a command mean.
std::vector<ExitCode> exit_codes(const Command& command);
/// Whether they are others than 0 and 1.
bool has_own_exit_codes(const Command& command);
/// The example of a command; that of the command it is a short form of.
std::string_view example_of(const Command& command);

/// A page in roff: "drover-job-run" for "job run".
std::string manual_page(const Command& command);
/// The page of the program: all commands.
std::string manual_page_of_all();

void add_manual_commands(std::vector<Command>& rows);

}  // namespace drover::cli
