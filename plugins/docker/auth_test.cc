#include "plugins/docker/auth.h"

#include <catch2/catch.hpp>

#include "plugins/docker/base64.h"
#include "plugins/docker/json.h"

namespace drover::docker {
namespace {

/// Sources that remember what they were asked.
struct Sources {
  std::string file;
  std::string helper_says = R"({"Username":"helped","Secret":"s3"})";
  std::string asked;

  CredentialSources get() {
    return {[this](const std::string&) -> Result<std::string> { return file; },
            [this](const std::string& name, const std::string& registry) -> Result<std::string> {
              asked = name + " " + registry;
              return helper_says;
            }};
  }
  std::optional<Credentials> find(const std::string& image, const std::optional<RegistryOptions>& plugin, const std::optional<AuthOptions>& task = {}) {
    return *find_credentials(*parse_image(image), task, plugin, get());
  }
};

const RegistryOptions by_file{"/etc/docker/config.json", ""};

}  // namespace

TEST_CASE("base64 in both alphabets", "[docker]") {
  CHECK(base64_encoded("") == "");
  CHECK(base64_encoded("f") == "Zg==");
  CHECK(base64_encoded("fooba") == "Zm9vYmE=");
  CHECK(base64_encoded("\xfb\xff") == "+/8=");
  CHECK(base64_encoded("\xfb\xff", true) == "-_8=");
  CHECK(base64_decoded("Zm9vYmE=") == "fooba");
  CHECK(base64_decoded("-_8") == "\xfb\xff");
  CHECK_FALSE(base64_decoded("a b"));
}

TEST_CASE("a task's own credentials come first", "[docker]") {
  Sources sources;
  const auto found = sources.find("ghcr.io/a/b", by_file, AuthOptions{"me", "secret", "", ""});
  CHECK(found == Credentials{"me", "secret", "", "ghcr.io"});
}

TEST_CASE("credentials are found in a docker config file", "[docker]") {
  Sources sources;
  sources.file = R"({"auths":{"ghcr.io":{"auth":")" + base64_encoded("u:p:q") + R"("},"https://index.docker.io/v1/":{"identitytoken":"tok"},"https://old.example/v2/":{"username":"a","password":"b"}}})";
  CHECK(sources.find("ghcr.io/a/b", by_file) == Credentials{"u", "p:q", "", "ghcr.io"});
  CHECK(sources.find("nginx", by_file)->identity_token == "tok");
  CHECK(sources.find("old.example/x", by_file)->username == "a");
  CHECK_FALSE(sources.find("quay.io/x", by_file));
  sources.file = "{ not json";
  CHECK_FALSE(find_credentials(*parse_image("a"), {}, by_file, sources.get()).ok());
}

TEST_CASE("helpers are asked by registry", "[docker]") {
  Sources sources;
  sources.file = R"({"credHelpers":{"ecr.example":"ecr-login"},"credsStore":"desktop"})";
  CHECK(sources.find("ecr.example/x", by_file)->username == "helped");
  CHECK(sources.asked == "ecr-login ecr.example");
  CHECK(sources.find("nginx", by_file)->password == "s3");
  CHECK(sources.asked == "desktop https://index.docker.io/v1/");
  CHECK(sources.find("quay.io/x", RegistryOptions{"", "pass"}));
  CHECK(sources.asked == "pass quay.io");
  sources.helper_says = R"({"Username":"<token>","Secret":"t"})";
  CHECK(sources.find("quay.io/x", RegistryOptions{"", "pass"})->identity_token == "t");
  sources.helper_says = "credentials not found";
  CHECK_FALSE(find_credentials(*parse_image("a"), {}, RegistryOptions{"", "pass"}, sources.get()).ok());
}

TEST_CASE("credentials travel as URL-safe base64 of JSON", "[docker]") {
  const auto header = base64_decoded(registry_auth({"me", "s>?", "", "ghcr.io"}));
  const json::value value = *parse_json(*header, "header");
  CHECK(text_at(value, "username") == "me");
  CHECK(text_at(value, "password") == "s>?");
  CHECK(text_at(value, "serveraddress") == "ghcr.io");
  CHECK(registry_auth({"", "", "tok", "x"}).find('+') == std::string::npos);
}

}  // namespace drover::docker
