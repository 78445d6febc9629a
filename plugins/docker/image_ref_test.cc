#include "plugins/docker/image_ref.h"

#include <catch2/catch.hpp>

namespace drover::docker {

TEST_CASE("references of images are taken apart", "[docker]") {
  CHECK(*parse_image("ghcr.io/myorg/api:v2.1") == ImageRef{"ghcr.io", "myorg/api", "ghcr.io/myorg/api", "v2.1", ""});
  CHECK(*parse_image("nginx") == ImageRef{"docker.io", "library/nginx", "nginx", "latest", ""});
  CHECK(*parse_image("drover-demo/web") == ImageRef{"docker.io", "drover-demo/web", "drover-demo/web", "latest", ""});
  CHECK(*parse_image("https://localhost:5000/a") == ImageRef{"localhost:5000", "a", "localhost:5000/a", "latest", ""});
  CHECK(*parse_image("localhost/a__b-c.d:1") == ImageRef{"localhost", "a__b-c.d", "localhost/a__b-c.d", "1", ""});
  CHECK(parse_image("nginx")->is_moving());
  CHECK_FALSE(parse_image("nginx:1.25")->is_moving());
}

TEST_CASE("a digest makes the tag meaningless", "[docker]") {
  const std::string digest = "sha256:" + std::string(64, 'a');

  const auto both = parse_image("nginx:1.25@" + digest);

  CHECK(both->text() == "nginx@" + digest);
  CHECK_FALSE(both->is_moving());
  CHECK(parse_image("127.0.0.1:5000/a/b@" + digest)->name == "127.0.0.1:5000/a/b");
}

TEST_CASE("a reference that no registry could have is refused", "[docker]") {
  for (const char* wrong : {"", "UPPER", "a//b", "a:", "a:b:c", "-a", "a-", "a___b", "a@sha256:12", "a b", "a/../b", "x.y/", "a:tag with blank"}) {
    INFO(wrong);
    CHECK_FALSE(parse_image(wrong).ok());
  }
  CHECK(parse_image("Nginx").error().message == "image 'Nginx': 'Nginx' is no name of a repository (lower case letters and digits)");
  CHECK_FALSE(parse_image(std::string(300, 'a')).ok());
}

}  // namespace drover::docker
