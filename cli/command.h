#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop/time.h"
#include "base/value/value.h"
#include "cli/api.h"
#include "cli/flags.h"
#include "cli/output.h"

/// What a command is: a row of the command table. Help, completions and dispatch are made from the rows.
namespace drover::cli {

/// What a command needs of the world, made in main.
struct World {
  std::function<std::optional<std::string>(const std::string&)> env;
  /// All variables whose names begin so: (the rest of the name, value).
  std::function<std::vector<std::pair<std::string, std::string>>(const std::string& prefix)> env_with;
  std::function<Instant()> now;
  std::function<void(Duration)> sleep;  ///< between two looks of a monitor; ends early on Ctrl-C
  std::function<void()> catch_interrupt; ///< from now on Ctrl-C does not end the program, but is told by:
  std::function<bool()> interrupted;    ///< Ctrl-C was pressed
  bool out_is_terminal = false;
  bool in_is_terminal = false;
};

struct Command;

struct Context {
  World& world;
  const Command& command;
  Flags flags;
  Api api;
  /// What no server will accept is refused before it is sent, with its place in the file.
  bool refuses_early = true;

  const std::vector<std::string>& args() const { return flags.args; }
  bool verbose() const { return flags.is_on("verbose"); }
  Paint paint() const;  ///< colours, when the output is a terminal and nobody switched them off
};

struct Command {
  std::string_view words;    ///< "job run"
  std::string_view args;     ///< "<path>"
  std::string_view summary;  ///< one sentence
  std::string_view example;  ///< shown in the help
  std::vector<Flag> flags;
  int (*run)(Context&);
  std::size_t args_min = 0;
  std::size_t args_max = 0;  ///< SIZE_MAX: any number
  std::string_view completes = "";  ///< what the arguments are, for completions: jobs, allocs, nodes, evals, files
  bool is_hidden = false;           ///< an alias: works, but is not listed
  bool passes_rest = false;         ///< flags end at the first argument
  std::string_view args_error = ""; ///< what is said when arguments are missing; "" = derived from their number
  std::string_view refusal = "";    ///< of an area that is not built: the sentence that every call is refused with
};

const std::vector<Command>& all_commands();
const std::vector<Flag>& common_flags();

/// Finds the command that the first words name; the number of words it takes is written to `length`.
const Command* find_command(const std::vector<std::string>& words, std::size_t& length);

std::string help_of(const Command& command);
std::string help_of_all();
/// Help of a family such as "job"; "" when there is none.
std::string help_of_family(const std::string& family);

/// ` Did you mean "job"?` for a word that is nearly a command, else "".
std::string did_you_mean(const std::string& word);
/// The same for a word that is nearly a subcommand of the family.
std::string did_you_mean(const std::string& family, const std::string& word);

std::string completion_script(const std::string& shell);

// Each file of commands adds its rows.
void add_job_commands(std::vector<Command>&);
void add_job_run_commands(std::vector<Command>&);
void add_alloc_commands(std::vector<Command>&);
void add_alloc_status_commands(std::vector<Command>&);
void add_alloc_file_commands(std::vector<Command>&);
void add_job_change_commands(std::vector<Command>&);
void add_job_read_commands(std::vector<Command>&);
void add_node_drain_commands(std::vector<Command>&);
void add_job_restart_commands(std::vector<Command>&);
void add_operator_commands(std::vector<Command>&);
void add_node_commands(std::vector<Command>&);
void add_deployment_commands(std::vector<Command>&);
void add_service_commands(std::vector<Command>&);
void add_eval_commands(std::vector<Command>&);
void add_server_commands(std::vector<Command>&);
void add_agent_commands(std::vector<Command>&);
void add_tls_commands(std::vector<Command>&);
void add_fmt_commands(std::vector<Command>&);
void add_job_tag_commands(std::vector<Command>&);
void add_namespace_commands(std::vector<Command>&);
void add_node_config_commands(std::vector<Command>&);
void add_node_pool_commands(std::vector<Command>&);
void add_scaling_commands(std::vector<Command>&);
void add_scheduler_config_commands(std::vector<Command>&);
void add_spec_commands(std::vector<Command>&);
void add_refused_commands(std::vector<Command>&);
void add_plugin_commands(std::vector<Command>&);

// Output of all commands: standard output and standard error, with a final newline.
void out(std::string_view text);
void out_json(const Value& value);  ///< indented
void err(std::string_view text);
/// Prints an error and gives exit code 1.
int failed(std::string_view what, const Error& error);
/// Prints it with a pointer to the command's help and gives the exit code of wrong usage.
int usage_error(const Context& context, std::string_view problem);
/// Asks on a terminal and takes y; without one it is a no that says to give -yes.
bool confirmed(const Context& context, std::string_view question);

/// -json and -t: prints `value` accordingly and gives the exit code, or nothing when neither is set.
std::optional<int> machine_output(Context& context, const Value& value);

}  // namespace drover::cli
