// Who it is, and its own configuration.
#include <cctype>

#include "base/msgpack/msgpack.h"
#include "conformance/check.h"
#include "sdk/host/spec.h"

namespace drover::conformance {
namespace base_part {

/// "1.2.3", with anything after it.
bool is_version(const std::string& text) {
  std::size_t at = text.starts_with('v') ? 1 : 0;
  for (int part = 0; part < 3; ++part) {
    const std::size_t start = at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at]))) ++at;
    if (at == start) return false;
    if (part < 2 && (at >= text.size() || text[at++] != '.')) return part >= 1;
  }
  return true;
}

/// What an agent sends for an empty config block, as the schema forms it; nothing where there is no schema.
std::optional<Value> defaults(Driver& driver) {
  const auto schema = driver.config_schema();
  if (!schema.ok() || !schema.message.has_spec()) return std::nullopt;
  const Result<Value> value = host::apply_spec(schema.message.spec(), Value::map(), "config");
  if (!value) return std::nullopt;
  return *value;
}

/// A driver that got a configuration it should not like answers on, and takes a right one.
Result<void> recovers(Bench& bench, Driver& driver) {
  EXPECT(driver.alive(), "it died");
  const Result<void> again = bench.configure(driver);
  if (!again) return again.error().within("a right configuration afterwards");
  return {};
}

Result<void> refuses(Bench& bench, const std::string& msgpack) {
  DROVER_LET(const auto driver, bench.unconfigured());
  const auto set = driver->set_config(msgpack);
  EXPECT(!set.ok(), "it took it");
  return recovers(bench, *driver);
}

Result<void> survives(Bench& bench, const std::string& msgpack, bool with_node) {
  DROVER_LET(const auto driver, bench.unconfigured());
  static_cast<void>(driver->set_config(msgpack, with_node));
  return recovers(bench, *driver);
}

/// The first option of its configuration that holds a text or a bool, given a map instead.
std::optional<std::string> wrongly_typed(Value& config) {
  if (!config.is_map()) return std::nullopt;
  for (auto& [name, member] : config.members()) {
    if (!member.is_text() && !member.is_bool() && !member.is_number() && !member.is_null()) continue;
    member = Value::map().set("wrong", 1);
    return name;
  }
  return std::nullopt;
}

}  // namespace base_part

std::vector<Check> base_checks() {
  using namespace base_part;
  return {
      {"info.answers", Level::core, Must::must, nothing, "PluginInfo is answered before any configuration",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         const auto info = driver->plugin_info();
         EXPECT(info.ok(), "{}", shown(info.status));
         return {};
       }},
      {"info.type", Level::core, Must::must, nothing, "PluginInfo has the type DRIVER",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto type = driver->plugin_info().message.type();
         EXPECT(type == base_pb::DRIVER, "it has the type {}", static_cast<int>(type));
         return {};
       }},
      {"info.api-version", Level::core, Must::must, nothing, "PluginInfo lists the API version v0.1.0",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto info = driver->plugin_info();
         std::string seen;
         for (const std::string& version : info.message.plugin_api_versions()) {
           if (version == "v0.1.0" || version == "0.1.0") return {};
           seen += " " + version;
         }
         return fail(Code::invalid, "it lists{}", seen.empty() ? " none" : seen);
       }},
      {"info.version", Level::core, Must::must, nothing, "The plugin's own version is of the form 1.2.3",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const std::string version = driver->plugin_info().message.plugin_version();
         EXPECT(is_version(version), "it is \"{}\"", version);
         return {};
       }},
      {"info.name", Level::core, Must::must, nothing, "The driver has a name without spaces",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const std::string name = driver->plugin_info().message.name();
         EXPECT(!name.empty() && name.find_first_of(" \t\n") == std::string::npos, "it is \"{}\"", name);
         return {};
       }},
      {"info.constant", Level::core, Must::must, nothing, "PluginInfo is the same before and after the configuration",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         const std::string before = driver->plugin_info().message.SerializeAsString();
         DROVER_TRY(bench.configure(*driver));
         EXPECT(driver->plugin_info().message.SerializeAsString() == before, "it changed");
         return {};
       }},
      {"config-schema.answers", Level::core, Must::must, nothing, "ConfigSchema is answered before any configuration",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         const auto schema = driver->config_schema();
         EXPECT(schema.ok(), "{}", shown(schema.status));
         return {};
       }},
      {"config-schema.converts", Level::core, Must::must, nothing, "The schema of its own configuration is valid: types parse, names are there, literals evaluate",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto schema = driver->config_schema();
         if (!schema.message.has_spec()) return {};
         return host::check_spec(schema.message.spec());
       }},
      {"config-schema.constant", Level::core, Must::must, nothing, "ConfigSchema is the same at every call",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto first = driver->config_schema().message;
         for (int i = 0; i < 3; ++i) EXPECT(is_same(driver->config_schema().message, first), "it changed");
         return {};
       }},
      {"set-config.defaults", Level::core, Must::must, nothing, "SetConfig takes its schema's defaults without facts of the node, twice",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         const auto value = defaults(*driver);
         for (int i = 0; i < 2; ++i) {
           const auto set = driver->set_config(value ? msgpack::encode(*value) : "", false);
           EXPECT(set.ok(), "call {}: {}", i + 1, shown(set.status));
         }
         return {};
       }},
      {"set-config.fixture", Level::core, Must::must, nothing, "SetConfig takes the configuration of the fixture",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         return bench.configure(*driver);
       }},
      {"set-config.again", Level::core, Must::must, nothing, "SetConfig may be called again on a configured driver",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.fresh());
         return bench.configure(*driver);
       }},
      {"set-config.empty", Level::core, Must::must, nothing, "SetConfig with no bytes at all is answered, and does no harm",
       [](Bench& bench) -> Result<void> { return survives(bench, "", true); }},
      {"set-config.no-topology", Level::core, Must::must, nothing, "SetConfig without facts of the node does no harm",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         static_cast<void>(driver->set_config(bench.encoded_driver_config(*driver), false));
         return recovers(bench, *driver);
       }},
      {"set-config.garbage", Level::core, Must::must, nothing, "SetConfig with bytes that are no msgpack is refused, and a right one is taken after it",
       [](Bench& bench) -> Result<void> { return refuses(bench, "\xc1\xc1\xc1"); }},
      {"set-config.no-map", Level::core, Must::must, nothing, "SetConfig with a list instead of a map is refused, and a right one is taken after it",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         if (!driver->config_schema().message.has_spec()) return {};  // it has no configuration to take wrongly
         return refuses(bench, msgpack::encode(Value(Value::List{1, 2})));
       }},
      {"set-config.wrong-type", Level::core, Must::must, nothing, "SetConfig with an option of the wrong type is refused, and a right one is taken after it",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         std::optional<Value> config = defaults(*driver);
         if (!config || !wrongly_typed(*config)) return {};
         return refuses(bench, msgpack::encode(*config));
       }},
      {"set-config.names-option", Level::core, Must::should, nothing, "The refusal of an option with the wrong type names the option",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         std::optional<Value> config = defaults(*driver);
         const std::optional<std::string> name = config ? wrongly_typed(*config) : std::nullopt;
         if (!name) return {};
         const auto set = driver->set_config(msgpack::encode(*config));
         EXPECT(set.status.message.find(*name) != std::string::npos, "it says: {}", set.status.message);
         return {};
       }},
      {"set-config.nulls", Level::core, Must::must, nothing, "SetConfig with null for every option does no harm",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         std::optional<Value> config = defaults(*driver);
         if (!config || !config->is_map()) return {};
         for (auto& [name, member] : config->members()) member = nullptr;
         return survives(bench, msgpack::encode(*config), true);
       }},
      {"set-config.unknown-option", Level::core, Must::must, nothing, "SetConfig with an option that its schema does not know does no harm",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.unconfigured());
         Value config = defaults(*driver).value_or(Value::map());
         config.set("no_such_option", "x");
         return survives(bench, msgpack::encode(config), true);
       }},
  };
}

}  // namespace drover::conformance
