#pragma once

#include "base/hcl/function.h"

/// The groups of functions, each in a file of its own.
namespace drover::hcl::detail {

void add_number_functions(Functions& functions);
void add_string_functions(Functions& functions);
void add_format_functions(Functions& functions);
void add_collection_functions(Functions& functions);
void add_set_functions(Functions& functions);
void add_encoding_functions(Functions& functions);
void add_hash_functions(Functions& functions);
void add_address_functions(Functions& functions);
void add_time_functions(Functions& functions);
void add_file_functions(Functions& functions);

/// JSON text as jsonencode() writes it: keys sorted, `<`, `>` and `&` escaped.
Result<std::string> to_json(const Datum& datum);
/// What %v prints for a value.
std::string to_base64(std::string_view bytes);

}  // namespace drover::hcl::detail
