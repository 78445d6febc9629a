#include "plugins/docker/pull.h"

#include <catch2/catch.hpp>

namespace drover::docker {

TEST_CASE("a pull tells its layers and bytes", "[docker]") {
  PullProgress progress;
  for (const char* line : {R"({"status":"Pulling from library/nginx","id":"1.25"})", R"({"status":"Pulling fs layer","progressDetail":{},"id":"a"})",
                           R"({"status":"Pulling fs layer","progressDetail":{},"id":"b"})", R"({"status":"Already exists","progressDetail":{},"id":"c"})",
                           R"({"status":"Downloading","progressDetail":{"current":1048576,"total":4194304},"id":"a"})"}) {
    progress.feed(line);
  }
  CHECK(progress.text() == "Pulled 1/3 (1.0 MiB/4.0 MiB) layers: 1 waiting/1 pulling");
  const auto steps = progress.steps();
  progress.feed(R"({"status":"Downloading","progressDetail":{"current":1048576,"total":4194304},"id":"a"})");
  CHECK(progress.steps() == steps);
  progress.feed(R"({"status":"Download complete","progressDetail":{},"id":"a"})");
  CHECK(progress.steps() == steps + 1);
  CHECK(progress.text() == "Pulled 1/3 (4.0 MiB/4.0 MiB) layers: 1 waiting/1 pulling");
}

TEST_CASE("nonsense in a pull is no progress and no harm", "[docker]") {
  PullProgress progress;
  for (const char* line : {"", "null", "[]", "{", R"({"status":5,"id":{}})", R"({"id":"a","progressDetail":{"current":-5,"total":1e300}})"}) progress.feed(line);
  CHECK(progress.error().empty());
  CHECK(progress.text().starts_with("Pulled 0/"));
}

TEST_CASE("the registry's words decide whether another try may help", "[docker]") {
  const ImageRef image = *parse_image("ghcr.io/a/b:1");
  CHECK(pull_error(image, 0, "x").message == "Failed to pull `ghcr.io/a/b:1`: x");
  CHECK(pull_error(image, 404, "manifest for ghcr.io/a/b:1 not found: manifest unknown").code == Code::not_found);
  CHECK(pull_error(image, 404, "pull access denied for a/b, repository does not exist or may require 'docker login'").code == Code::denied);
  CHECK(pull_error(image, 500, "Get https://ghcr.io/v2/: unauthorized: authentication required").code == Code::denied);
  CHECK(pull_error(image, 500, "Get https://ghcr.io/v2/: dial tcp: lookup ghcr.io: no such host").code == Code::unavailable);
  CHECK(pull_error(image, 500, "Get https://ghcr.io/v2/: context deadline exceeded").code == Code::unavailable);
  CHECK(pull_error(image, 0, "toomanyrequests: You have reached your pull rate limit").code == Code::unavailable);
  CHECK(pull_error(image, 0, "filesystem layer verification failed for digest sha256:1").code == Code::unavailable);
  PullProgress progress;
  progress.feed(R"({"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"})");
  CHECK(progress.error() == "manifest unknown");
}

}  // namespace drover::docker
