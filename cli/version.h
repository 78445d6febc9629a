#pragma once

#include <string>
#include <string_view>

namespace drover::cli {

/// drover's own version, and the Nomad version whose interfaces it speaks (what clients look at).
inline constexpr std::string_view drover_version = "0.1.0";
inline constexpr std::string_view nomad_version = "2.0.5";

inline std::string version_text() {
  return "Drover v" + std::string(drover_version) + "\nSpeaks Nomad v" + std::string(nomad_version);
}

}  // namespace drover::cli
