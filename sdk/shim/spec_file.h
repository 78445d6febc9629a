#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <drover/result.h>

/// The spec that a shim is started with, as those who start it write and read it.
namespace drover::sdk::shim {

class SpecText {
 public:
  /// Texts with a NUL in them cannot be told: `valid()` turns false.
  void add(std::string_view key, std::string_view value);
  void add_if(bool wanted, std::string_view key, std::string_view value) {
    if (wanted) add(key, value);
  }

  bool valid() const { return valid_; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  bool valid_ = true;
};

using SpecEntries = std::vector<std::pair<std::string, std::string>>;

Result<SpecEntries> parse_spec(std::string_view bytes);
/// The first value of a key, or empty.
std::string value_of(const SpecEntries& entries, std::string_view key);
std::vector<std::string> values_of(const SpecEntries& entries, std::string_view key);

/// "name=value" lines, as the shim's records are written.
std::string line_value(std::string_view content, std::string_view name);

}  // namespace drover::sdk::shim
