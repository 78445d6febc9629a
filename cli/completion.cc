#include "cli/completion.h"

#include <algorithm>
#include <set>

namespace drover::cli {
namespace {

bool is_flag(std::string_view word) { return word.size() > 1 && word[0] == '-'; }

/// Old spellings with a dash (alloc-status) work, but are not offered; nor is what is not built.
bool is_offered(const Command& command) { return command.refusal.empty() && (!command.is_hidden || command.words.find('-') == std::string_view::npos); }

/// Where in the command table a line is: "job", "job run", and how many of its words that took.
struct Place {
  std::string path;
  std::size_t words = 0;
  const Command* command = nullptr;
};

Place place_of(const std::vector<Command>& commands, const std::vector<std::string>& words) {
  Place place;
  while (place.words < words.size()) {
    const std::string next = place.path + (place.path.empty() ? "" : " ") + words[place.words];
    const auto exact = std::ranges::find(commands, std::string_view(next), &Command::words);
    const bool is_family = std::ranges::any_of(commands, [&next](const Command& command) { return command.words.starts_with(next + " "); });
    if (exact == commands.end() && !is_family) break;
    place.path = next;
    place.command = exact == commands.end() ? nullptr : &*exact;
    ++place.words;
  }
  return place;
}

const Flag* flag_named(std::string_view word, const Command& command, const std::vector<Flag>& common) {
  word.remove_prefix(word.starts_with("--") ? 2 : 1);
  for (const auto* table : {&command.flags, &common}) {
    const auto found = std::ranges::find(*table, word, &Flag::name);
    if (found != table->end()) return &*found;
  }
  return nullptr;
}

/// What the value of a flag names.
std::string_view kind_of(const Flag& flag) {
  if (flag.name == "job") return "jobs";
  if (flag.name == "alloc") return "allocs";
  if (flag.name == "node-id") return "nodes";
  return flag.name == "namespace" ? "namespaces" : "";
}

void add_words(std::set<std::string>& found, const std::vector<Command>& commands, const std::string& path, const std::string& prefix) {
  for (const Command& command : commands) {
    std::string_view rest = command.words;
    if (!is_offered(command) || (!path.empty() && !rest.starts_with(path + " "))) continue;
    if (!path.empty()) rest.remove_prefix(path.size() + 1);
    rest = rest.substr(0, rest.find(' '));
    if (rest.starts_with(prefix)) found.emplace(rest);
  }
}

void add_flags(std::set<std::string>& found, const Command& command, const std::vector<Flag>& common, const std::string& prefix) {
  const std::string dashes = prefix.starts_with("--") ? "--" : "-";
  for (const auto* table : {&command.flags, &common}) {
    for (const Flag& flag : *table) {
      std::string name = dashes + std::string(flag.name);
      if (flag.name != "h" && name.starts_with(prefix)) found.insert(std::move(name));
    }
  }
}

constexpr std::string_view bash_script = R"sh(# bash completion of drover: source <(drover completion bash)
_drover() {
  local line=${COMP_LINE:0:COMP_POINT}
  mapfile -t COMPREPLY < <(COMP_LINE=$line COMP_POINT=${#line} "${COMP_WORDS[0]}" 2>/dev/null)
}
complete -o default -F _drover drover
)sh";

constexpr std::string_view zsh_script = R"sh(#compdef drover
# zsh completion of drover: source <(drover completion zsh)
_drover() {
  local line="${(j: :)words[1,CURRENT]}"
  local -a found=("${(@f)$(COMP_LINE=$line COMP_POINT=${#line} ${words[1]} 2>/dev/null)}")
  if [[ -n ${found[1]} ]]; then compadd -- $found; else _files; fi
}
if [[ ${funcstack[1]} == _drover ]]; then _drover "$@"; else compdef _drover drover; fi
)sh";

constexpr std::string_view fish_script = R"sh(# fish completion of drover: drover completion fish | source
function __drover_complete
  set -lx COMP_LINE (commandline -cp | string collect)
  set -lx COMP_POINT (string length -- $COMP_LINE)
  set -l found (drover 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c drover -f -a '(__drover_complete)'
)sh";

}  // namespace

TypedLine typed_line(std::string_view line) {
  std::vector<std::string> words(1);
  char quote = 0;
  bool after_blank = false;
  for (const char c : line) {
    const bool blank = quote == 0 && (c == ' ' || c == '\t');
    if (blank) {
      after_blank = true;
      continue;
    }
    if (after_blank) words.emplace_back();
    after_blank = false;
    if (quote != 0 ? c == quote : c == '"' || c == '\'') quote = quote != 0 ? 0 : c;
    else words.back() += c;
  }
  if (after_blank) words.emplace_back();
  TypedLine typed;
  if (words.size() > 1) {
    typed.current = words.back();
    typed.words.assign(words.begin() + 1, words.end() - 1);
  }
  return typed;
}

std::vector<std::string> completions(const std::vector<Command>& commands, const std::vector<Flag>& common, const TypedLine& typed, const NamesOf& names) {
  const Place place = place_of(commands, typed.words);
  std::set<std::string> found;
  const auto add_names = [&](std::string_view kind) {
    for (std::string& name : names(kind, typed.current)) {
      if (name.starts_with(typed.current)) found.insert(std::move(name));
    }
  };
  const std::vector<std::string> rest(typed.words.begin() + static_cast<long>(place.words), typed.words.end());
  const Flag* waits = place.command && !rest.empty() && is_flag(rest.back()) ? flag_named(rest.back(), *place.command, common) : nullptr;
  if (waits != nullptr && !waits->value.empty()) {
    add_names(kind_of(*waits));
  } else if (typed.current.starts_with("-")) {
    if (place.command) add_flags(found, *place.command, common, typed.current);
  } else {
    if (rest.empty() || place.path.empty()) add_words(found, commands, place.path, typed.current);
    if (place.command && found.empty()) add_names(place.command->completes);
  }
  return {found.begin(), found.end()};
}

std::string completion_script(const std::string& shell) { return std::string(shell == "bash" ? bash_script : shell == "zsh" ? zsh_script : fish_script); }

}  // namespace drover::cli
