#include "cli/manual.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "cli/completion.h"
#include "cli/version.h"

namespace drover::cli {
namespace {

namespace fs = std::filesystem;

constexpr ExitCode usual[] = {{"0", "done"}, {"1", "an error, or wrong usage"}};
constexpr ExitCode of_plan[] = {{"0", "nothing would be started or stopped"}, {"1", "something would be"}, {"255", "an error, or wrong usage"}};
constexpr ExitCode of_following[] = {{"0", "done"}, {"1", "an error, or what was started failed"}, {"2", "something found no place"}};
constexpr ExitCode of_remote[] = {{"n", "the exit code of the command that ran in the task"}, {"1", "also: it could not be started"}};
constexpr ExitCode of_check[] = {{"0", "the agent is well"}, {"1", "a warning"}, {"2", "it is not"}};
constexpr ExitCode of_fmt[] = {{"0", "done"}, {"1", "an error; with -check: a file is not formatted"}};

struct Codes {
  std::string_view words;  ///< of the command, or its short form
  const ExitCode* first;
  std::size_t count;
};

template <std::size_t count>
constexpr Codes codes(std::string_view words, const ExitCode (&rows)[count]) {
  return {words, rows, count};
}

constexpr Codes own_codes[] = {
    codes("job plan", of_plan), codes("plan", of_plan), codes("job run", of_following), codes("run", of_following), codes("job stop", of_following), codes("stop", of_following),
    codes("job start", of_following), codes("start", of_following), codes("job eval", of_following), codes("job scale", of_following), codes("job revert", of_following),
    codes("job promote", of_following), codes("job dispatch", of_following), codes("job periodic force", of_following), codes("alloc stop", of_following),
    codes("eval status", of_following), codes("alloc exec", of_remote), codes("exec", of_remote), codes("check", of_check), codes("fmt", of_fmt)};

/// Text as roff shows it: backslashes and dashes as they are, no line that is a request.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else out += c;
  }
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string page_name(std::string_view words) {
  std::string name = words.empty() ? "drover" : "drover-" + std::string(words);
  std::ranges::replace(name, ' ', '-');
  return name;
}

std::string head(const std::string& name, std::string_view summary) {
  std::string upper = name;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format(".TH {} 1 \"\" \"drover {}\" \"drover\"\n.SH NAME\n{} \\- {}\n", roff(upper), drover_version, roff(name), roff(summary));
}

std::string option_rows(const std::vector<Flag>& flags) {
  std::string text;
  for (const Flag& flag : flags) {
    if (flag.name == "h") continue;
    text += fmt::format(".TP\n.BI \\-{}{}\n{}\n", roff(flag.name), flag.value.empty() ? "" : fmt::format(" \" {}\"", roff(flag.value)), roff(flag.help));
  }
  return text;
}

Result<void> write_file(const fs::path& path, const std::string& text) {
  std::error_code problem;
  fs::create_directories(path.parent_path(), problem);
  std::ofstream file(path);
  file << text;
  file.flush();
  if (!file.good()) return fail(Code::denied, "write {}", path.string());
  return {};
}

Result<std::size_t> write_manual(const fs::path& folder) {
  std::size_t pages = 1;
  DROVER_TRY(write_file(folder / "man" / "man1" / "drover.1", manual_page_of_all()));
  for (const Command& command : all_commands()) {
    if (command.is_hidden) continue;
    DROVER_TRY(write_file(folder / "man" / "man1" / (page_name(command.words) + ".1"), manual_page(command)));
    ++pages;
  }
  DROVER_TRY(write_file(folder / "bash-completion" / "completions" / "drover", completion_script("bash")));
  DROVER_TRY(write_file(folder / "zsh" / "site-functions" / "_drover", completion_script("zsh")));
  DROVER_TRY(write_file(folder / "fish" / "vendor_completions.d" / "drover.fish", completion_script("fish")));
  return pages;
}

int manual(Context& context) {
  const auto pages = write_manual(context.args()[0]);
  if (!pages.ok()) return failed("Error writing the manual", pages.error());
  out(fmt::format("{} manual pages and the completions of three shells written to {}", *pages, context.args()[0]));
  return 0;
}

}  // namespace

std::vector<ExitCode> exit_codes(const Command& command) {
  const auto own = std::ranges::find(own_codes, command.words, &Codes::words);
  if (own == std::end(own_codes)) return {std::begin(usual), std::end(usual)};
  return {own->first, own->first + own->count};
}

bool has_own_exit_codes(const Command& command) { return std::ranges::find(own_codes, command.words, &Codes::words) != std::end(own_codes); }

std::string_view example_of(const Command& command) {
  if (!command.example.empty()) return command.example;
  const auto same = std::ranges::find_if(all_commands(), [&command](const Command& other) { return other.run == command.run && !other.example.empty(); });
  return same == all_commands().end() ? "" : same->example;
}

std::string manual_page(const Command& command) {
  std::string text = head(page_name(command.words), command.summary);
  text += fmt::format(".SH SYNOPSIS\n.B drover {}\n{}{}\n", roff(command.words), command.flags.empty() ? "" : "[options] ", roff(command.args));
  if (!command.flags.empty()) text += ".SH OPTIONS\n" + option_rows(command.flags);
  if (command.words != "agent") text += ".SH GENERAL OPTIONS\n" + option_rows(common_flags());
  text += ".SH EXIT STATUS\n";
  for (const ExitCode& row : exit_codes(command)) text += fmt::format(".TP\n.B {}\n{}\n", row.code, roff(row.meaning));
  if (const std::string_view example = example_of(command); !example.empty()) text += fmt::format(".SH EXAMPLES\n.nf\n$ {}\n.fi\n", roff(example));
  return text + ".SH SEE ALSO\n.BR drover (1)\n";
}

std::string manual_page_of_all() {
  std::string text = head("drover", "a workload orchestrator: servers, agents, and the commands that speak to them");
  text += ".SH SYNOPSIS\n.B drover\n<command> [options] [arguments]\n.SH DESCRIPTION\nEvery command has a page of its own and tells its flags with\n.BR \\-help .\n.SH COMMANDS\n";
  for (const Command& command : all_commands()) {
    if (!command.is_hidden) text += fmt::format(".TP\n.BR {} (1)\n{}\n", roff(page_name(command.words)), roff(command.summary));
  }
  text += ".SH ENVIRONMENT\n.TP\n.B NOMAD_ADDR, DROVER_ADDR\nwhere the agent answers HTTP; the general options of each command name the others\n";
  return text + ".SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\nan error, or wrong usage\n.TP\n.B 127\nno such command\n";
}

void add_manual_commands(std::vector<Command>& rows) {
  rows.push_back({"manual", "<folder>", "writes a manual page for every command, and the completions of the shells, below a share folder", "drover manual /usr/local/share", {}, manual, 1, 1, "files"});
}

}  // namespace drover::cli
