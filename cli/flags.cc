#include "cli/flags.h"

#include <algorithm>

namespace drover::cli {
namespace {

const Flag* find(std::string_view name, const std::vector<const std::vector<Flag>*>& tables) {
  for (const auto* table : tables) {
    const auto found = std::ranges::find(*table, name, &Flag::name);
    if (found != table->end()) return &*found;
  }
  return nullptr;
}

}  // namespace

Result<Flags> Flags::parse(const std::vector<std::string>& words, const std::vector<const std::vector<Flag>*>& tables,
                           bool stop_at_argument) {
  Flags flags;
  bool arguments_only = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (arguments_only || word.size() < 2 || word[0] != '-') {
      flags.args.emplace_back(word);
      arguments_only = arguments_only || stop_at_argument;
      continue;
    }
    if (word == "--") {
      arguments_only = true;
      continue;
    }
    word.remove_prefix(word.starts_with("--") ? 2 : 1);
    const auto equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const Flag* flag = find(name, tables);
    if (!flag) return fail(Code::invalid, "flag provided but not defined: -{}", name);

    if (equals != std::string_view::npos) {
      flags.values_.emplace(name, word.substr(equals + 1));
    } else if (flag->value.empty()) {
      flags.values_.emplace(name, "true");
    } else if (i + 1 < words.size()) {
      flags.values_.emplace(name, words[++i]);
    } else {
      return fail(Code::invalid, "flag needs an argument: -{}", name);
    }
  }
  return flags;
}

bool Flags::has(std::string_view name) const { return values_.find(name) != values_.end(); }

bool Flags::is_on(std::string_view name, bool otherwise) const {
  const std::string value = text(name, otherwise ? "true" : "false");
  return value == "true" || value == "1" || value == "t" || value == "T" || value == "TRUE" || value == "True";
}

std::string Flags::text(std::string_view name, std::string_view otherwise) const {
  const auto [first, last] = values_.equal_range(name);
  return first == last ? std::string(otherwise) : std::prev(last)->second;
}

std::vector<std::string> Flags::all(std::string_view name) const {
  std::vector<std::string> values;
  const auto [first, last] = values_.equal_range(name);
  for (auto value = first; value != last; ++value) values.push_back(value->second);
  return values;
}

}  // namespace drover::cli
