#include "plugins/docker/auth.h"

#include <fstream>

#include "plugins/docker/base64.h"
#include "plugins/docker/helper.h"
#include "plugins/docker/json.h"

namespace drover::docker {
namespace {

constexpr std::streamsize config_bytes_max = 1 << 20;
constexpr std::string_view hub_key = "https://index.docker.io/v1/";

std::string config_key(const ImageRef& image) { return image.registry == "docker.io" ? std::string(hub_key) : image.registry; }

/// "https://host:5000/v2/" → "host:5000": files of several ages write registries in several ways.
std::string host_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  return std::string(key.substr(0, key.find('/')));
}

const json::value* entry_for(const json::value& map, const std::string& key) {
  const json::object* object = map.if_object();
  if (object == nullptr) return nullptr;
  if (const json::value* exact = object->if_contains(key)) return exact;
  for (const auto& entry : *object) {
    if (key != hub_key && host_of(std::string_view(entry.key().data(), entry.key().size())) == key) return &entry.value();
  }
  return nullptr;
}

Result<Credentials> read_entry(const json::value& entry, const std::string& key) {
  Credentials out{text_at(entry, "username"), text_at(entry, "password"), text_at(entry, "identitytoken"), key};
  const std::string packed = text_at(entry, "auth");
  if (packed.empty()) return out;
  const auto plain = base64_decoded(packed);
  const std::size_t colon = plain ? plain->find(':') : std::string::npos;
  if (colon == std::string::npos) return fail(Code::invalid, "the credentials for {} in the auth.config file cannot be read", key);
  out.username = plain->substr(0, colon);
  out.password = plain->substr(colon + 1);
  while (!out.password.empty() && out.password.back() == '\0') out.password.pop_back();
  return out;
}

Result<std::optional<Credentials>> ask_helper(const std::string& name, const ImageRef& image, const CredentialSources& sources) {
  DROVER_LET(const std::string output, sources.run_helper(name, config_key(image)));
  DROVER_LET(Credentials found, parse_helper_output(output, config_key(image)));
  return std::optional(found);
}

Result<std::optional<Credentials>> from_file(const std::string& path, const ImageRef& image, const CredentialSources& sources) {
  DROVER_LET(const std::string text, sources.read_file(path));
  DROVER_LET(const json::value config, parse_json(text, "auth.config file " + path));
  const std::string key = config_key(image);
  if (const json::value* entry = entry_for(at(config, "auths"), key)) {
    DROVER_LET(const Credentials found, read_entry(*entry, key));
    // A credential store leaves empty entries behind.
    if (!found.username.empty() || !found.identity_token.empty()) return std::optional(found);
  }
  if (const json::value* helper = entry_for(at(config, "credHelpers"), key); helper != nullptr && helper->is_string()) {
    return ask_helper(std::string(helper->as_string()), image, sources);
  }
  const std::string store = text_at(config, "credsStore");
  if (!store.empty()) return ask_helper(store, image, sources);
  return std::optional<Credentials>();
}

Result<std::string> read_config_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::not_found, "auth.config file {} cannot be opened", path);
  std::string text(static_cast<std::size_t>(config_bytes_max), '\0');
  file.read(text.data(), config_bytes_max);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (!file.eof()) return fail(Code::invalid, "auth.config file {} is longer than {} bytes", path, config_bytes_max);
  return text;
}

}  // namespace

CredentialSources host_sources() { return {read_config_file, run_credential_helper}; }

Result<Credentials> parse_helper_output(const std::string& output, const std::string& registry) {
  DROVER_LET(const json::value value, parse_json(output, "the credential helper's answer"));
  const std::string username = text_at(value, "Username");
  const std::string secret = text_at(value, "Secret");
  if (secret.empty()) return fail(Code::not_found, "the credential helper has nothing for {}", registry);
  if (username == "<token>") return Credentials{{}, {}, secret, registry};
  return Credentials{username, secret, {}, registry};
}

Result<std::optional<Credentials>> find_credentials(const ImageRef& image, const std::optional<AuthOptions>& of_task,
                                                    const std::optional<RegistryOptions>& of_plugin, const CredentialSources& sources) {
  if (of_task && of_task->given()) {
    return std::optional(Credentials{of_task->username, of_task->password, {}, of_task->server_address.empty() ? config_key(image) : of_task->server_address});
  }
  if (!of_plugin) return std::optional<Credentials>();
  if (!of_plugin->config.empty()) {
    DROVER_LET(const auto found, from_file(of_plugin->config, image, sources));
    if (found) return found;
  }
  if (!of_plugin->helper.empty()) return ask_helper(of_plugin->helper, image, sources);
  return std::optional<Credentials>();
}

std::string registry_auth(const Credentials& credentials) {
  json::object out;
  if (!credentials.identity_token.empty()) {
    out["identitytoken"] = credentials.identity_token;
  } else {
    out["username"] = credentials.username;
    out["password"] = credentials.password;
  }
  out["serveraddress"] = credentials.server_address;
  return base64_encoded(json::serialize(out), true);
}

}  // namespace drover::docker
