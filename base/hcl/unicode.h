#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text as the configuration language counts it: UTF-8, identifiers, grapheme clusters, normal form C.
namespace drover::hcl::unicode {

/// The code point at the start of `text` and its length in bytes; length 0 when these are no valid UTF-8 bytes.
struct Decoded {
  char32_t code = 0;
  std::size_t bytes = 0;
};
Decoded decode(std::string_view text);
/// False for surrogates and beyond U+10FFFF: nothing is appended then.
bool append(std::string& out, char32_t code);

/// The byte of the first invalid sequence; npos where all of it is valid.
std::size_t first_invalid(std::string_view text);

bool is_identifier_start(char32_t code);
bool is_identifier_part(char32_t code);
/// A non-empty text that may stand as a name: letters, digits, `_`, `-`; no digit or dash first.
bool is_identifier(std::string_view text);
bool is_space(char32_t code);

/// The length in bytes of the grapheme cluster at the start of a non-empty text.
std::size_t cluster_length(std::string_view text);
std::size_t count_clusters(std::string_view text);

/// Canonical composition (NFC). Invalid bytes are passed through.
std::string normalize(std::string_view text);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);

/// Without the white space at the ends.
std::string_view trim_left(std::string_view text);
std::string_view trim_right(std::string_view text);
std::string_view trim(std::string_view text);

/// How many single-character edits turn one text into the other, at most `limit`.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

}  // namespace drover::hcl::unicode
