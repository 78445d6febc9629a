#include "plugins/docker/image_ref.h"

#include <algorithm>

namespace drover::docker {
namespace {

constexpr std::size_t name_max = 255;
constexpr std::size_t tag_max = 128;
constexpr std::size_t digest_hex_min = 32;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

/// Lower case letters and digits, with '.', '_', '__' or any number of '-' between them.
bool is_component(std::string_view text) {
  if (text.empty() || !is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_lower_or_digit(text[i])) {
      ++i;
      continue;
    }
    const std::size_t end = std::min(text.find_first_not_of(text[i], i), text.size());
    const std::size_t length = end - i;
    const bool allowed = text[i] == '-' || (text[i] == '.' && length == 1) || (text[i] == '_' && length <= 2);
    if (!allowed || !is_lower_or_digit(text[end])) return false;
    i = end;
  }
  return true;
}

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > tag_max || !is_word(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view hex = text.substr(colon + 1);
  return hex.size() >= digest_hex_min && hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// The first part of a name is a host when no repository could be called so.
bool is_host(std::string_view text) { return text == "localhost" || text.find_first_of(".:") != std::string_view::npos; }

bool is_registry(std::string_view text) {
  const auto allowed = [](char c) { return is_word(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']'; };
  return std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

Result<ImageRef> parse_image(std::string_view text) {
  const std::string_view whole = text;
  if (text.starts_with("https://")) text.remove_prefix(8);
  ImageRef ref;
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    ref.digest = text.substr(at + 1);
    if (!is_digest(ref.digest)) return fail(Code::invalid, "image '{}': '{}' is no digest", whole, ref.digest);
    text = text.substr(0, at);
  }
  const std::size_t slash = text.rfind('/');
  const std::size_t colon = text.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    ref.tag = text.substr(colon + 1);
    if (!is_tag(ref.tag)) return fail(Code::invalid, "image '{}': '{}' is no tag", whole, ref.tag);
    text = text.substr(0, colon);
  }
  if (!ref.digest.empty()) ref.tag.clear();
  if (ref.digest.empty() && ref.tag.empty()) ref.tag = "latest";
  ref.name = text;

  const std::size_t first = text.find('/');
  if (first != std::string_view::npos && is_host(text.substr(0, first))) {
    ref.registry = text.substr(0, first);
    ref.repository = text.substr(first + 1);
  } else {
    ref.registry = "docker.io";
    ref.repository = first == std::string_view::npos ? "library/" + std::string(text) : text;
  }
  if (ref.registry == "index.docker.io") ref.registry = "docker.io";
  if (!is_registry(ref.registry)) return fail(Code::invalid, "image '{}': '{}' is no registry", whole, ref.registry);
  if (ref.name.size() > name_max) return fail(Code::invalid, "image '{}': the name is longer than {} bytes", whole, name_max);
  for (std::string_view rest = ref.repository;;) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    if (!is_component(rest.substr(0, end))) {
      return fail(Code::invalid, "image '{}': '{}' is no name of a repository (lower case letters and digits)", whole, rest.substr(0, end));
    }
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  return ref;
}

}  // namespace drover::docker
