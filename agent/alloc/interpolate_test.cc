#include "agent/alloc/interpolate.h"

#include <catch2/catch.hpp>

#include "agent/testing/fixtures.h"
#include "model/proto/node.pb.h"

namespace drover::agent {

TEST_CASE("references are replaced once, and what is unknown stays as it is", "[agent]") {
  const Texts first = {{"A", "1"}, {"NESTED", "${A}"}};
  const Texts second = {{"A", "2"}, {"B.c-d", "x"}};

  CHECK(replace_references("a${A}b${B.c-d}", first, second) == "a1bx");
  CHECK(replace_references("${NESTED}", first, second) == "${A}");
  CHECK(replace_references("${NOPE} ${A ${} $A", first, second) == "${NOPE} ${A ${} $A");
  CHECK(replace_references("$${A}", first, second) == "$1");
}

TEST_CASE("a driver's config is evaluated in every string and key, numbers keep their kind", "[agent]") {
  const Texts env = {{"NOMAD_PORT_http", "8080"}, {"a b", "spaced"}};
  const Texts node = {{"attr.kernel.name", "linux"}};
  Value config = Value::map();
  config.set("args", Value(Value::List{"-p", "${NOMAD_PORT_http}", "${env[\"a b\"]}", "$${literal}"}));
  config.set("${attr.kernel.name}", Value(3));

  const Result<Value> out = evaluate_config(config, env, node);

  REQUIRE(out);
  CHECK(out->find("args")->items()[1] == Value("8080"));
  CHECK(out->find("args")->items()[2] == Value("spaced"));
  CHECK(out->find("args")->items()[3] == Value("${literal}"));
  CHECK(*out->find("linux") == Value(3));
}

TEST_CASE("a config may call functions and look into the environment by any key", "[agent]") {
  const Texts env = {{"NOMAD_TASK_NAME", "web"}, {"a b", "spaced"}};
  const Texts node = {{"attr.kernel.name", "linux"}, {"attr.driver.docker", "1"}, {"attr.driver.docker.version", "24"}};
  Value config = Value::map();
  config.set("a", "x-${upper(NOMAD_TASK_NAME)}-${attr.kernel.name}");
  config.set("b", "${env[\"a b\"]}/${lower(\"QUIET\")}");
  config.set("c", "${attr.driver.docker} ${attr.driver.docker.version}");
  const Result<Value> out = evaluate_config(config, env, node);
  REQUIRE(out);
  CHECK(*out->find("a") == Value("x-WEB-linux"));
  CHECK(*out->find("b") == Value("spaced/quiet"));
  CHECK(*out->find("c") == Value("1 24"));
  CHECK(evaluate_config(Value(Value::List{"${file(\"/etc/passwd\")}"}), env, node).error().code == Code::invalid);
}

TEST_CASE("an unknown reference in a config is an error that names it and its place", "[agent]") {
  Value config = Value::map();
  config.set("args", Value(Value::List{"x", "${meta.nope}"}));
  const Result<Value> out = evaluate_config(config, {}, {});
  REQUIRE_FALSE(out);
  CHECK(out.error().message.find("args") != std::string::npos);
  CHECK(out.error().message.find("meta.nope") != std::string::npos);
}

TEST_CASE("a node is referred to by its names, attributes and meta", "[agent]") {
  const Texts references = node_references(*make_node(), "global");
  CHECK(references.at("node.unique.name") == "node-1");
  CHECK(references.at("node.datacenter") == "dc1");
  CHECK(references.at("node.region") == "global");
  CHECK(references.at("attr.kernel.name") == "linux");
  CHECK(references.at("meta.rack") == "r1");
}

}  // namespace drover::agent
