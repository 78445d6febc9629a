#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drover::docker {

/// With padding; `url_safe` uses '-' and '_'.
std::string base64_encoded(std::string_view bytes, bool url_safe = false);
/// Either alphabet, padding optional; nothing for what is no base64.
std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace drover::docker
