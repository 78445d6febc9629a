#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "base/hcl/diagnostic.h"
#include "base/json/json.h"
#include "cli/alloc_exec.h"
#include "cli/command.h"
#include "cli/job_schema.h"
#include "cli/language_commands.h"
#include "cli/output.h"
#include "cli/template.h"

namespace drover::cli {

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
    add_scaling_commands(rows);
    add_scheduler_config_commands(rows);
    add_refused_commands(rows);
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
  if (!command.example.empty()) text += fmt::format("\nExample:\n\n  $ {}\n", command.example);
  if (!command.flags.empty()) text += "\nOptions:\n\n" + flag_lines(command.flags);
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

namespace {

std::string words_of_family(const std::string& family) {
  std::set<std::string> words;
  for (const Command& command : all_commands()) {
    if (command.is_hidden) continue;
    std::string_view rest = command.words;
    if (!family.empty()) {
      if (!rest.starts_with(family + " ")) continue;
      rest.remove_prefix(family.size() + 1);
    }
    words.emplace(rest.substr(0, rest.find(' ')));
  }
  return fmt::format("{}", fmt::join(words, " "));
}

std::string flag_words(const Command& command) {
  std::string text;
  for (const auto* table : {&command.flags, &common_flags()}) {
    for (const Flag& flag : *table) text += fmt::format("-{}{} ", flag.name, flag.value.empty() ? "" : "=");
  }
  return text;
}

/// A shell `case` over the words typed so far, the same for bash and zsh.
std::string completion_cases() {
  std::set<std::string> families;
  for (const Command& command : all_commands()) {
    if (command.is_hidden) continue;
    for (auto space = command.words.find(' '); space != std::string_view::npos; space = command.words.find(' ', space + 1)) families.emplace(command.words.substr(0, space));
  }
  std::string text;
  for (const Command& command : all_commands()) {
    text += fmt::format("    '{}') flags='{}'; kind='{}' ;;\n", command.words, flag_words(command), command.completes);
  }
  for (const std::string& family : families) text += fmt::format("    '{}') subs='{}' ;;\n", family, words_of_family(family));
  return text;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  constexpr std::string_view ids = R"sh(
_drover_ids() {
  case "$1" in
    jobs) drover operator api /v1/jobs ;;
    allocs) drover operator api /v1/allocations ;;
    nodes) drover operator api /v1/nodes ;;
    evals) drover operator api /v1/evaluations ;;
    services) drover operator api /v1/services ;;
  esac 2>/dev/null </dev/null | grep -Eo '"(ID|ServiceName)":"[^"]*"' | cut -d'"' -f4
}
_drover_look() {
  flags='' kind='' subs=''
  case "$1" in
)sh";
  const std::string look = std::string(ids) + completion_cases() + "  esac\n}\n";
  if (shell == "bash") {
    return "# bash completion of drover: source <(drover completion bash)" + look + R"sh(
_drover() {
  local cur=${COMP_WORDS[COMP_CWORD]} words='' word n=0 flags kind subs
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] && continue
    _drover_look "${words:+$words }$word"
    [ -n "$flags$subs" ] || break
    words="${words:+$words }$word"
  done
  _drover_look "$words"
  if [ -z "$words" ]; then COMPREPLY=($(compgen -W ')sh" +
           words_of_family("") + R"sh(' -- "$cur"))
  elif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [ -n "$subs" ]; then COMPREPLY=($(compgen -W "$subs" -- "$cur"))
  elif [ "$kind" = files ]; then COMPREPLY=($(compgen -f -- "$cur"))
  elif [ -n "$kind" ]; then COMPREPLY=($(compgen -W "$(_drover_ids "$kind")" -- "$cur")); fi
}
complete -o default -F _drover drover
)sh";
  }
  if (shell == "zsh") {
    return "#compdef drover\n# zsh completion of drover: source <(drover completion zsh)" + look + R"sh(
_drover() {
  local words='' word flags kind subs
  for word in "${(@)words[2,CURRENT-1]}"; do :; done
  local -a typed=("${(@)${(z)BUFFER}[2,-1]}")
  for word in $typed; do
    [[ $word == -* ]] && continue
    _drover_look "${words:+$words }$word"
    [ -n "$flags$subs" ] || break
    words="${words:+$words }$word"
  done
  _drover_look "$words"
  if [ -z "$words" ]; then compadd -- )sh" +
           words_of_family("") + R"sh(
  elif [[ $PREFIX == -* ]]; then compadd -- ${=flags}
  elif [ -n "$subs" ]; then compadd -- ${=subs}
  elif [ "$kind" = files ]; then _files
  elif [ -n "$kind" ]; then compadd -- ${=$(_drover_ids "$kind")}; fi
}
compdef _drover drover
)sh";
  }
  const auto quoted = [](std::string_view words) {
    std::string inside;
    for (const char c : words) inside += c == '\'' ? std::string("\\'") : std::string(1, c);
    return "'" + inside + "'";
  };
  std::string text = "# fish completion of drover: drover completion fish | source\ncomplete -c drover -f\n";
  text += fmt::format("complete -c drover -n __fish_use_subcommand -a '{}'\n", words_of_family(""));
  for (const Command& command : all_commands()) {
    if (command.is_hidden) continue;
    const auto space = command.words.find(' ');
    std::string condition;
    if (space == std::string_view::npos) {
      condition = fmt::format("__fish_seen_subcommand_from {}", command.words);
    } else {
      const auto family = command.words.substr(0, space), rest = command.words.substr(space + 1);
      condition = fmt::format("__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}", family, rest);
      text += fmt::format("complete -c drover -n '__fish_seen_subcommand_from {}' -a '{}' -d {}\n", family,
                          rest.substr(0, rest.find(' ')), quoted(command.summary));
    }
    for (const Flag& flag : command.flags) {
      text += fmt::format("complete -c drover -n '{}' -o {} -d {}\n", condition, flag.name, quoted(flag.help));
    }
    if (command.completes == "files") text += fmt::format("complete -c drover -n '{}' -F\n", condition);
  }
  return text;
}

std::string did_you_mean(const std::string& word) {
  std::vector<std::string_view> names;
  for (const Command& command : all_commands()) names.push_back(command.words.substr(0, command.words.find(' ')));
  return hcl::did_you_mean(word, names);
}

}  // namespace drover::cli
