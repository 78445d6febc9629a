#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drover::agent {

std::string to_base64(std::string_view bytes);
/// With its padding. Nothing when it is no base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace drover::agent
