#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/hcl/diagnostic.h"
#include "base/json/json.h"
#include "cli/alloc_exec.h"
#include "cli/command.h"
#include "cli/driver.h"
#include "cli/job_schema.h"
#include "cli/language_commands.h"
#include "cli/manual.h"
#include "cli/output.h"
#include "cli/template.h"

namespace drover::cli {
namespace {

/// Those whose other program opens a page of the web interface.
constexpr std::string_view with_page[] = {"job run",     "run",         "job status",  "status",     "job dispatch",   "alloc status",   "alloc-status",     "eval list",
                                          "eval status", "eval-status", "node status", "node-status", "server members", "server-members", "deployment status"};

void add_page_flag(std::vector<Command>& rows) {
  for (Command& row : rows) {
    const bool has_page = std::ranges::find(with_page, row.words) != std::end(with_page);
    if (has_page && std::ranges::find(row.flags, std::string_view("ui"), &Flag::name) == row.flags.end()) row.flags.push_back({"ui", "", "open the page of the web interface (not supported yet)"});
  }
}

}  // namespace

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = [] {
    std::vector<Command> rows;

    add_agent_commands(rows);
    add_job_run_commands(rows);
    add_job_commands(rows);
    add_job_change_commands(rows);
    add_job_restart_commands(rows);
    add_job_read_commands(rows);
    add_alloc_commands(rows);
    add_alloc_file_commands(rows);
    add_alloc_exec_commands(rows);
    add_node_commands(rows);
    add_eval_commands(rows);
    add_deployment_commands(rows);
    add_service_commands(rows);
    add_server_commands(rows);
    add_operator_commands(rows);
    add_tls_commands(rows);
    add_fmt_commands(rows);
    add_job_schema_commands(rows);
    add_language_commands(rows);
    add_job_tag_commands(rows);
    add_namespace_commands(rows);
    add_node_config_commands(rows);
    add_node_pool_commands(rows);
    add_scaling_commands(rows);
    add_scheduler_config_commands(rows);
    add_spec_commands(rows);
    add_manual_commands(rows);
    add_plugin_commands(rows);
    add_driver_commands(rows);
    add_refused_commands(rows);
    add_page_flag(rows);
    return rows;
  }();
  return commands;
}

const std::vector<Flag>& common_flags() {
  static const std::vector<Flag> flags = {
      {"address", "<url>", "where the agent answers HTTP (NOMAD_ADDR, DROVER_ADDR)"},
      {"region", "<name>", "the region to ask (NOMAD_REGION)"},
      {"namespace", "<name>", "the namespace to ask, * for all (NOMAD_NAMESPACE)"},
      {"token", "<secret>", "the token to send (NOMAD_TOKEN)"},
      {"ca-cert", "<file>", "the certificate authority to trust (NOMAD_CACERT)"},
      {"ca-path", "<folder>", "a folder of certificate authorities (NOMAD_CAPATH)"},
      {"client-cert", "<file>", "the certificate to show (NOMAD_CLIENT_CERT)"},
      {"client-key", "<file>", "its key (NOMAD_CLIENT_KEY)"},
      {"tls-server-name", "<name>", "the name the server's certificate must have (NOMAD_TLS_SERVER_NAME)"},
      {"tls-skip-verify", "", "do not check the server's certificate (NOMAD_SKIP_VERIFY)"},
      {"insecure", "", "the same as -tls-skip-verify"},
      {"no-color", "", "no colours"},
      {"force-color", "", "colours even without a terminal"},
      {"help", "", "this text"},
      {"h", "", "this text"},
  };
  return flags;
}

const Command* find_command(const std::vector<std::string>& words, std::size_t& length) {
  constexpr std::size_t words_max = 3;
  for (length = std::min(words_max, words.size()); length > 0; --length) {
    const std::string name = fmt::format("{}", fmt::join(words.begin(), words.begin() + static_cast<long>(length), " "));
    const auto found = std::ranges::find(all_commands(), std::string_view(name), &Command::words);
    if (found != all_commands().end()) return &*found;
  }
  return nullptr;
}

namespace {

std::string flag_lines(const std::vector<Flag>& flags) {
  std::string text;
  for (const Flag& flag : flags) {
    if (flag.name == "h") continue;
    const std::string name = flag.value.empty() ? fmt::format("-{}", flag.name) : fmt::format("-{}={}", flag.name, flag.value);
    text += fmt::format("  {:<28} {}\n", name, flag.help);
  }
  return text;
}

std::string command_line(const Command& command) { return fmt::format("  {:<31}  {}\n", command.words, command.summary); }

}  // namespace

std::string help_of(const Command& command) {
  std::string text = fmt::format("Usage: drover {}{}{}{}\n\n  {}\n", command.words, command.flags.empty() ? "" : " [options]",
                                 command.args.empty() ? "" : " ", command.args, command.summary);
  if (const std::string_view example = example_of(command); !example.empty()) text += fmt::format("\nExample:\n\n  $ {}\n", example);
  if (!command.flags.empty()) text += "\nOptions:\n\n" + flag_lines(command.flags);
  if (has_own_exit_codes(command)) {
    text += "\nExit codes:\n\n";
    for (const ExitCode& row : exit_codes(command)) text += fmt::format("  {:<5} {}\n", row.code, row.meaning);
  }
  if (command.words != "agent") text += "\nGeneral options:\n\n" + flag_lines(common_flags());
  return text;
}

std::string help_of_family(const std::string& family) {
  std::string text;
  for (const Command& command : all_commands()) {
    if (command.is_hidden || !command.words.starts_with(family + " ")) continue;
    text += command_line(command);
  }
  return text.empty() ? "" : fmt::format("Usage: drover {} <subcommand> [options] [args]\n\nSubcommands:\n\n{}", family, text);
}

std::string help_of_all() {
  std::string text = "Usage: drover [-version] [-help] <command> [args]\n\nCommands:\n\n";
  std::vector<std::string_view> families;
  for (const Command& command : all_commands()) {
    const auto space = command.words.find(' ');
    if (command.is_hidden) continue;
    if (space == std::string_view::npos) text += command_line(command);
    else if (const auto family = command.words.substr(0, space); std::ranges::find(families, family) == families.end()) families.push_back(family);
  }
  for (const std::string_view family : families) {
    text += "\n";
    for (const Command& command : all_commands()) {
      if (!command.is_hidden && command.words.starts_with(std::string(family) + " ")) text += command_line(command);
    }
  }
  return text + "\nA first look:\n\n  $ drover agent -dev                    in one terminal\n"
                "  $ drover job init && drover job run example.nomad.hcl\n";
}

void out(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

void out_json(const Value& value) { std::fputs(json::write_pretty(value).c_str(), stdout); }

void err(std::string_view text) {
  std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fputc('\n', stderr);
}

int failed(std::string_view what, const Error& error) {
  err(fmt::format("{}: {}", what, error.message));
  return 1;
}

int usage_error(const Context& context, std::string_view problem) {
  err(fmt::format("{}\nFor additional help try 'drover {} -help'", problem, context.command.words));
  return context.command.words.ends_with("plan") ? 255 : 1;
}

bool confirmed(const Context& context, std::string_view question) {
  if (context.flags.is_on("yes")) return true;
  if (!context.world.in_is_terminal) {
    err(fmt::format("{}: standard input is no terminal to ask on; give -yes to go on without asking", question));
    return false;
  }
  std::fprintf(stdout, "%.*s [y/N] ", static_cast<int>(question.size()), question.data());
  std::fflush(stdout);
  char answer[64] = "";
  if (!std::fgets(answer, sizeof answer, stdin)) return false;
  return answer[0] == 'y' || answer[0] == 'Y';
}

Paint Context::paint() const {
  const auto set = [this](const char* name) { return !world.env(name).value_or("").empty(); };
  if (flags.is_on("force-color") || set("NOMAD_CLI_FORCE_COLOR")) return Paint(true);
  if (flags.is_on("no-color") || set("NOMAD_CLI_NO_COLOR")) return Paint(false);
  return Paint(world.out_is_terminal);
}

std::optional<int> machine_output(Context& context, const Value& value) {
  const bool as_json = context.flags.is_on("json");
  const std::string format = context.flags.text("t");
  if (as_json && !format.empty()) {
    err("Both json and template formatting are not allowed");
    return 1;
  }
  if (as_json) {
    out_json(value);
    return 0;
  }
  if (format.empty()) return std::nullopt;
  auto text = render_template(format, value);
  if (!text.ok()) return failed("Error formatting the data", text.error());
  out(*text);
  return 0;
}

std::string did_you_mean(const std::string& word) {
  std::vector<std::string_view> names;
  for (const Command& command : all_commands()) names.push_back(command.words.substr(0, command.words.find(' ')));
  return hcl::did_you_mean(word, names);
}

std::string did_you_mean(const std::string& family, const std::string& word) {
  std::vector<std::string_view> names;
  const std::string prefix = family + " ";
  for (const Command& command : all_commands()) {
    if (!command.words.starts_with(prefix)) continue;
    const std::string_view rest = command.words.substr(prefix.size());
    names.push_back(rest.substr(0, rest.find(' ')));
  }
  return hcl::did_you_mean(word, names);
}

}  // namespace drover::cli
