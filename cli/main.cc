// The drover program: finds the command in the table, reads the flags, runs it. Clock, environment and terminal enter here.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/completion_names.h"
#include "cli/version.h"

namespace drover::cli {
namespace {

volatile sig_atomic_t interrupted = 0;
void on_interrupt(int) { interrupted = 1; }

World real_world() {
  return World{
      .env = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (!value) return std::nullopt;
        return value;
      },
      .env_with =
          [](const std::string& prefix) {
            std::vector<std::pair<std::string, std::string>> found;
            for (char** entry = environ; *entry; ++entry) {
              const std::string_view text = *entry;
              const auto equals = text.find('=');
              if (text.starts_with(prefix) && equals > prefix.size() && equals != std::string_view::npos)
                found.emplace_back(text.substr(prefix.size(), equals - prefix.size()), text.substr(equals + 1));
            }
            return found;
          },
      .now = [] { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); },
      .sleep = [](Duration time) { poll(nullptr, 0, static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count())); },
      .catch_interrupt =
          [] {
            struct sigaction action {};
            action.sa_handler = on_interrupt;
            sigaction(SIGINT, &action, nullptr);
          },
      .interrupted = [] { return interrupted != 0; },
      .out_is_terminal = isatty(STDOUT_FILENO) == 1,
      .in_is_terminal = isatty(STDIN_FILENO) == 1,
  };
}

/// A flag, else DROVER_<name>, else NOMAD_<name>.
std::string setting(const World& world, const Flags& flags, std::string_view flag, const std::string& variable) {
  if (flags.has(flag)) return flags.text(flag);
  for (const auto* prefix : {"DROVER_", "NOMAD_"}) {
    const auto value = world.env(prefix + variable);
    if (value && !value->empty()) return *value;
  }
  return "";
}

Endpoint endpoint_of(const World& world, const Flags& flags) {
  Endpoint endpoint;
  if (const std::string address = setting(world, flags, "address", "ADDR"); !address.empty()) endpoint.address = address;
  if (endpoint.address.find("://") == std::string::npos) endpoint.address = "http://" + endpoint.address;
  while (endpoint.address.ends_with('/')) endpoint.address.pop_back();
  endpoint.region = setting(world, flags, "region", "REGION");
  endpoint.name_space = setting(world, flags, "namespace", "NAMESPACE");
  endpoint.token = setting(world, flags, "token", "TOKEN");
  endpoint.ca_file = setting(world, flags, "ca-cert", "CACERT");
  endpoint.ca_folder = setting(world, flags, "ca-path", "CAPATH");
  endpoint.cert_file = setting(world, flags, "client-cert", "CLIENT_CERT");
  endpoint.key_file = setting(world, flags, "client-key", "CLIENT_KEY");
  endpoint.tls_server_name = setting(world, flags, "tls-server-name", "TLS_SERVER_NAME");
  const std::string skip = setting(world, flags, "tls-skip-verify", "SKIP_VERIFY");
  endpoint.tls_skip_verify = flags.is_on("insecure") || skip == "true" || skip == "1";
  return endpoint;
}

/// A shell asks what may stand at the end of the line that is being typed. Its flags say which agent knows the names.
int complete(const World& world, std::string line) {
  const std::string point = world.env("COMP_POINT").value_or("");
  if (const auto length = std::strtoul(point.c_str(), nullptr, 10); !point.empty() && length < line.size()) line.resize(length);
  const TypedLine typed = typed_line(line);
  std::vector<std::string> about_agent;
  for (std::size_t i = 0; i < typed.words.size(); ++i) {
    const auto parsed = Flags::parse({typed.words[i]}, {&common_flags()}, false);
    const bool takes_next = !parsed.ok() && parsed.error().message.starts_with("flag needs an argument") && i + 1 < typed.words.size();
    if (parsed.ok() && parsed->args.empty()) about_agent.push_back(typed.words[i]);
    if (takes_next) about_agent.insert(about_agent.end(), {typed.words[i], typed.words[i + 1]});
  }
  const auto flags = Flags::parse(about_agent, {&common_flags()}, false);
  Api api(endpoint_of(world, flags.ok() ? *flags : Flags()));
  const NamesOf names = [&api](std::string_view kind, const std::string& prefix) { return agent_names(api, kind, prefix); };
  for (const std::string& word : completions(all_commands(), common_flags(), typed, names)) out(word);
  return 0;
}

/// Of words that name no command: the help asked for, or what is there instead.
int help_for(const std::vector<std::string>& words) {
  std::vector<std::string> named;
  bool asked = false;
  for (const std::string& word : words) {
    if (word.starts_with("-")) asked = asked || word == "-h" || word == "-help" || word == "--help";
    else named.push_back(word);
  }
  if (named.empty()) {
    out(help_of_all());
    return asked ? 0 : 127;
  }
  for (std::size_t length = named.size(); length > 0; --length) {
    const std::string family = help_of_family(fmt::format("{}", fmt::join(named.begin(), named.begin() + static_cast<long>(length), " ")));
    if (family.empty()) continue;
    if (length < named.size()) {
      const std::string name = fmt::format("{}", fmt::join(named.begin(), named.begin() + static_cast<long>(length), " "));
      err(fmt::format("drover {} has no subcommand \"{}\".{}", name, named[length], did_you_mean(name, named[length])));
    }
    out(family);
    return asked && length == named.size() ? 0 : 1;
  }
  err(fmt::format("drover has no command \"{}\".{}", named[0], did_you_mean(named[0])));
  out(help_of_all());
  return 127;
}

std::string wrong_arguments(const Command& command, std::size_t given) {
  if (given < command.args_min && !command.args_error.empty()) return std::string(command.args_error);
  constexpr std::string_view numbers[] = {"no", "one", "two", "three"};
  if (command.args_max == 0) return "This command takes no arguments";
  if (command.args_max == SIZE_MAX) return fmt::format("This command takes at least {} argument{}: {}", numbers[std::min<std::size_t>(3, command.args_min)], command.args_min == 1 ? "" : "s", command.args);
  if (command.args_min != command.args_max) return fmt::format("This command takes these arguments: {}", command.args);
  return fmt::format("This command takes {} argument{}: {}", numbers[std::min<std::size_t>(3, command.args_min)], command.args_min == 1 ? "" : "s", command.args);
}

/// Of an area that is not built: any flags, any arguments.
int refuse(const Command& command, const std::vector<std::string>& rest) {
  const bool asks_help = std::ranges::any_of(rest, [](const std::string& word) { return word == "-h" || word == "-help" || word == "--help"; });
  const std::string text = fmt::format("drover {}: {}", command.words, command.refusal);
  if (asks_help) return out(text), 0;
  err(text);
  return 1;
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 1 && (words[0] == "-v" || words[0] == "-version" || words[0] == "--version")) {
    out(version_text());
    return 0;
  }
  World world = real_world();
  if (const auto line = world.env("COMP_LINE"); line && !line->empty()) return complete(world, *line);
  std::size_t length = 0;
  const Command* command = find_command(words, length);
  if (!command) return help_for(words);
  const std::vector<std::string> rest(words.begin() + static_cast<long>(length), words.end());
  if (!command->refusal.empty()) return refuse(*command, rest);
  const std::vector<const std::vector<Flag>*> tables = {&command->flags, &common_flags()};
  auto flags = Flags::parse(rest, tables, command->passes_rest);
  const int usage_code = command->words.ends_with("plan") ? 255 : 1;
  if (!flags.ok()) {
    err(flags.error().message);
    out(help_of(*command));
    return usage_code;
  }
  if (flags->is_on("help") || flags->is_on("h")) {
    out(help_of(*command));
    return 0;
  }
  if (flags->is_on("ui")) err("-ui: the web interface is not supported yet");
  Endpoint endpoint = endpoint_of(world, *flags);
  if (!endpoint.tls_server_name.empty()) {
    err("-tls-server-name (NOMAD_TLS_SERVER_NAME) is not supported yet: use the name that the certificate has in -address");
    return usage_code;
  }
  Context context{.world = world, .command = *command, .flags = std::move(*flags), .api = Api(std::move(endpoint))};
  const std::size_t given = context.args().size();
  if (given < command->args_min || given > command->args_max) return usage_error(context, wrong_arguments(*command, given));
  return command->run(context);
}

}  // namespace
}  // namespace drover::cli

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> words(argv + 1, argv + argc);
  return drover::cli::run(words);
}
