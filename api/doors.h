#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/types.h"

namespace drover::api {

/// What browsers on other pages, and names that were made to point at us, may not do.
struct Doors {
  std::vector<std::string> own_names;  ///< the advertised host names, besides IP addresses and localhost
};

/// Why a request is turned away before anything of it is looked at, or nothing. Plain clients send neither Origin nor
/// Sec-Fetch-Site and are never affected; a Host that is a foreign name means DNS rebinding.
std::optional<std::string> turned_away(const http::Request& request, const Doors& doors);

/// "localhost:4646" → "localhost", "[::1]:80" → "::1".
std::string_view host_without_port(std::string_view host);

}  // namespace drover::api
