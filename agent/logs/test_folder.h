#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <unistd.h>

namespace drover::agent::logs {

/// A folder for one test.
struct TestFolder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("drover-logs-" + std::to_string(::getpid()));
  TestFolder() { std::filesystem::create_directories(path); }
  ~TestFolder() { std::filesystem::remove_all(path); }

  std::string content(const std::string& name) const {
    std::ifstream file(path / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// All "<name>.N", by N.
  std::map<int, std::string> files(const std::string& name) const {
    std::map<int, std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const std::string file = entry.path().filename();
      if (file.starts_with(name + ".") && entry.is_regular_file()) all[std::atoi(file.c_str() + name.size() + 1)] = content(file);
    }
    return all;
  }
  std::string whole(const std::string& name) const {
    std::string all;
    for (const auto& [number, part] : files(name)) all += part;
    return all;
  }
};

}  // namespace drover::agent::logs
