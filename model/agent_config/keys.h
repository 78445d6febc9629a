#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/agent_config/agent_config.h"

/// The keys of agent files: one row for each, with the member it sets.
namespace drover::model::agent_config {

// How a row finds its member; `label` is that of the nearest labelled block.
using TextOf = std::string& (*)(AgentConfig& config, const std::string& label);
using BoolOf = bool& (*)(AgentConfig& config, const std::string& label);
using IntegerOf = std::int64_t& (*)(AgentConfig& config, const std::string& label);
using RealOf = double& (*)(AgentConfig& config, const std::string& label);
using DurationOf = Duration& (*)(AgentConfig& config, const std::string& label);
using ListOf = std::vector<std::string>& (*)(AgentConfig& config, const std::string& label);
using MapOf = std::map<std::string, std::string>& (*)(AgentConfig& config, const std::string& label);

/// A block of further keys; one with a label; the free body of a plugin; a key that is accepted and has no effect.
struct Block {};
struct LabelledBlock {};
struct FreeBlock {
  TextOf json;
};
struct Accepted {};
/// A list that a later file replaces instead of adding to it.
struct ReplacedList {
  ListOf list;
};
/// A number of bytes, written as 1000 or "1M".
struct SizeInBytes {
  IntegerOf bytes;
};

struct Key {
  std::string_view path;  ///< "client.host_volume.*.path": `*` is a label
  std::variant<Block, LabelledBlock, FreeBlock, Accepted, TextOf, BoolOf, IntegerOf, RealOf, DurationOf, ListOf, ReplacedList, MapOf, SizeInBytes> target;
};

const std::vector<Key>& all_keys();
const Key* find_key(std::string_view path);
/// The names that may stand directly in a block ("" is the file itself).
std::vector<std::string_view> names_in(std::string_view block);

}  // namespace drover::model::agent_config
