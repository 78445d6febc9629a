#pragma once

#include <string>
#include <string_view>

namespace drover::server {

/// What is wrong with JSON text at its first mistake, in the words that clients of this API know: "invalid character 'n'
/// looking for beginning of object key string", "unexpected EOF". "" where the first value of `text` is well formed.
std::string json_syntax_problem(std::string_view text);

}  // namespace drover::server
