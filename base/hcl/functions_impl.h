#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hcl/function.h"

/// The groups of functions, each in a file of its own.
namespace drover::hcl::detail {

void add_number_functions(Functions& functions);
void add_string_functions(Functions& functions);
void add_format_functions(Functions& functions);
void add_collection_functions(Functions& functions);
void add_set_functions(Functions& functions);
void add_encoding_functions(Functions& functions);
void add_yaml_functions(Functions& functions);
void add_hash_functions(Functions& functions);
void add_address_functions(Functions& functions);
void add_time_functions(Functions& functions);
void add_file_functions(Functions& functions);

/// Results longer than this are refused: a few calls could otherwise fill the memory.
constexpr std::size_t text_bytes_max = 16 * 1024 * 1024;

/// A whole number that fits, as an index or a count must be.
Result<std::int64_t> whole_number(const Datum& datum);
/// A datum as jsonencode() writes it: compact, keys sorted, `<`, `>` and `&` escaped. Numbers keep all their digits.
Result<std::string> json_text(const Datum& datum);
std::string to_base64(std::string_view bytes);
/// Nothing where the text is no base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace drover::hcl::detail
