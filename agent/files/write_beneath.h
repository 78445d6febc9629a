#pragma once

#include <string>
#include <string_view>

#include <drover/result.h>

namespace drover::agent {

/// Writes a file at a relative path below `folder`, making the folders on its way (0755; the file is 0644), and puts it in
/// its place whole. No link is followed and nothing above `folder` is reached: `denied` names what stands in the way.
Result<void> write_beneath(const std::string& folder, const std::string& path, std::string_view bytes);

}  // namespace drover::agent
