#pragma once

#include <string>
#include <string_view>

#include <drover/result.h>

namespace drover::docker {

/// A reference to an image, taken apart: "ghcr.io/myorg/api:v2.1".
struct ImageRef {
  std::string registry;    ///< "ghcr.io", "localhost:5000"; "docker.io" where none is written
  std::string repository;  ///< in the registry: "myorg/api", "library/nginx"
  std::string name;        ///< as written, without tag and digest: what the engine is asked for
  std::string tag;         ///< "latest" where neither tag nor digest is written; empty beside a digest
  std::string digest;      ///< "sha256:…" or empty

  /// What the engine knows the image by.
  std::string text() const { return name + (digest.empty() ? ":" + tag : "@" + digest); }
  /// Whether another image may come under this name any time, so that the local one proves nothing.
  bool is_moving() const { return digest.empty() && tag == "latest"; }

  friend bool operator==(const ImageRef&, const ImageRef&) = default;
};

/// `invalid` says which part is wrong. A leading "https://" is ignored.
Result<ImageRef> parse_image(std::string_view text);

}  // namespace drover::docker
