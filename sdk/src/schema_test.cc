#include "sdk/src/schema.h"

#include <drover/config.h>
#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

namespace drover::sdk {
namespace {

namespace hclspec = hashicorp::nomad::plugins::shared::hclspec;

struct Auth {
  std::string username;
  std::string password;

  static void describe(Fields<Auth>& fields) {
    fields.field("username", &Auth::username).required();
    fields.field("password", &Auth::password);
  }
};

struct Options {
  std::string command;
  std::vector<std::string> args;
  int retries = 3;
  unsigned char small = 0;
  double ratio = 0.5;
  bool fast = true;
  std::optional<std::string> user;
  std::map<std::string, std::string> labels;
  std::optional<Auth> auth;
  std::vector<Auth> more;

  Result<void> check() const {
    if (command == "forbidden") return fail(Code::invalid, "config.command may not be 'forbidden'");
    return {};
  }

  static void describe(Fields<Options>& fields) {
    fields.field("command", &Options::command).required();
    fields.field("args", &Options::args);
    fields.field("retries", &Options::retries).fallback(3);
    fields.field("small", &Options::small);
    fields.field("ratio", &Options::ratio);
    fields.field("fast", &Options::fast);
    fields.field("user", &Options::user);
    fields.merged_maps("labels", &Options::labels);
    fields.block("auth", &Options::auth);
    fields.blocks("more", &Options::more);
  }
};

Value with_command() {
  Value value = Value::map();
  value.set("command", "/bin/true");
  return value;
}

std::string error_of(const Value& value) {
  Options options;
  const Result<void> decoded = decode(config_root(value), options);
  return decoded ? "" : decoded.error().message;
}

}  // namespace

TEST_CASE("a described struct becomes the schema on the wire", "[sdk]") {
  hclspec::Spec spec;
  to_wire(schema_of<Options>(), spec);

  const auto& members = spec.object().attributes();
  CHECK(members.size() == 10);
  CHECK(members.at("command").attr().type() == "string");
  CHECK(members.at("command").attr().required());
  CHECK(members.at("args").attr().type() == "list(string)");
  CHECK(members.at("retries").default_().primary().attr().type() == "number");
  CHECK(members.at("retries").default_().default_().literal().value() == "3");
  CHECK(members.at("labels").attr().type() == "list(map(string))");
  CHECK(members.at("auth").block_value().nested().object().attributes().at("username").attr().required());
  CHECK(members.at("more").block_list().name() == "more");
}

TEST_CASE("absent and null members keep their initial values", "[sdk]") {
  Value value = with_command();
  value.set("retries", nullptr);
  value.set("auth", nullptr);
  Options options;

  REQUIRE(decode(config_root(value), options).ok());

  CHECK(options.command == "/bin/true");
  CHECK(options.retries == 3);
  CHECK(options.fast);
  CHECK_FALSE(options.auth);
  CHECK_FALSE(options.user);
}

TEST_CASE("members are converted to their types", "[sdk]") {
  Value auth = Value::map();
  auth.set("username", "u");
  Value first = Value::map();
  first.set("a", "1");
  Value second = Value::map();
  second.set("a", "2");
  Value value = with_command();
  value.set("args", Value::List{"x", 5, true, nullptr});
  value.set("retries", "7");
  value.set("ratio", 2);
  value.set("fast", "false");
  value.set("user", "bob");
  value.set("labels", Value::List{first, second});
  value.set("auth", auth);
  value.set("more", Value::List{auth, auth});
  value.set("unknown", 1);
  Options options;

  REQUIRE(decode(config_root(value), options).ok());

  CHECK(options.args == std::vector<std::string>{"x", "5", "true", ""});
  CHECK(options.retries == 7);
  CHECK(options.ratio == 2.0);
  CHECK_FALSE(options.fast);
  CHECK(options.user == "bob");
  CHECK(options.labels == std::map<std::string, std::string>{{"a", "2"}});
  CHECK(options.auth->username == "u");
  CHECK(options.more.size() == 2);
}

TEST_CASE("what is wrong is named with its place", "[sdk]") {
  CHECK(error_of(Value::map()) == "config.command is required");
  CHECK(error_of("text") == "config must be a map, not string");

  Value value = with_command();
  value.set("retries", "many");
  CHECK(error_of(value) == "config.retries must be a whole number, not many");
  value.set("retries", 1.5);
  CHECK(error_of(value) == "config.retries must be a whole number, not 1.5");
  value.set("retries", 1);
  value.set("small", 256);
  CHECK(error_of(value) == "config.small: 256 is out of range");
  value.set("small", 0);
  value.set("more", Value::List{Value::map()});
  CHECK(error_of(value) == "config.more[0].username is required");
  value.set("more", nullptr);
  value.set("command", "forbidden");
  CHECK(error_of(value) == "config.command may not be 'forbidden'");
}

TEST_CASE("default texts are written so that no template is seen in them", "[sdk]") {
  CHECK(detail::quoted_literal("a\"b\\c${d}\n$e") == R"("a\"b\\c$${d}\n$e")");
}

}  // namespace drover::sdk
