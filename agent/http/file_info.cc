#include "agent/http/file_info.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace drover::agent {
namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;

struct NamedType {
  std::string_view ending;
  std::string_view type;
};
constexpr std::array<NamedType, 9> types_by_name = {{{".html", "text/html; charset=utf-8"},
                                                     {".htm", "text/html; charset=utf-8"},
                                                     {".css", "text/css; charset=utf-8"},
                                                     {".js", "text/javascript; charset=utf-8"},
                                                     {".json", "application/json"},
                                                     {".xml", "text/xml; charset=utf-8"},
                                                     {".svg", "image/svg+xml"},
                                                     {".png", "image/png"},
                                                     {".txt", "text/plain; charset=utf-8"}}};

bool is_binary(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) {
    return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b;
  });
}

}  // namespace

std::string format_mode(mode_t mode) {
  std::string out;
  if (S_ISDIR(mode)) out += 'd';
  if (S_ISLNK(mode)) out += 'L';
  if (S_ISBLK(mode) || S_ISCHR(mode)) out += 'D';
  if (S_ISFIFO(mode)) out += 'p';
  if (S_ISSOCK(mode)) out += 'S';
  if ((mode & S_ISUID) != 0) out += 'u';
  if ((mode & S_ISGID) != 0) out += 'g';
  if (S_ISCHR(mode)) out += 'c';
  if ((mode & S_ISVTX) != 0) out += 't';
  if (out.empty()) out += '-';
  constexpr std::string_view letters = "rwxrwxrwx";
  for (std::size_t i = 0; i < letters.size(); ++i) out += (mode & (1u << (8 - i))) != 0 ? letters[i] : '-';
  return out;
}

std::string format_time(std::int64_t ns) {
  const std::time_t seconds = ns / ns_per_second;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[48];
  std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string out(text, size);
  const std::int64_t rest = ns % ns_per_second;
  if (rest != 0) {
    char fraction[16];
    std::snprintf(fraction, sizeof fraction, ".%09lld", static_cast<long long>(rest));
    out += fraction;
    while (out.back() == '0') out.pop_back();
  }
  return out + "Z";
}

std::string guess_content_type(std::string_view name, std::string_view beginning) {
  for (const NamedType& named : types_by_name) {
    if (name.ends_with(named.ending)) return std::string(named.type);
  }
  if (is_binary(beginning)) return "application/octet-stream";
  if (beginning.starts_with("<!DOCTYPE html") || beginning.starts_with("<html")) return "text/html; charset=utf-8";
  return "text/plain; charset=utf-8";
}

FileInfo make_file_info(std::string name, const struct stat& status) {
  FileInfo info;
  info.name = std::move(name);
  info.is_dir = S_ISDIR(status.st_mode);
  info.size = status.st_size;
  info.mode = format_mode(status.st_mode);
  info.modified_ns = status.st_mtim.tv_sec * ns_per_second + status.st_mtim.tv_nsec;
  return info;
}

Value to_value(const FileInfo& info) {
  Value out = Value::map();
  out.set("ContentType", info.content_type);
  out.set("FileMode", info.mode);
  out.set("IsDir", info.is_dir);
  out.set("ModTime", format_time(info.modified_ns));
  out.set("Name", info.name);
  out.set("Size", info.size);
  return out;
}

}  // namespace drover::agent
