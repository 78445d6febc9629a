#include "cli/driver_trace.h"

#include <catch2/catch.hpp>

#include "base/json/json.h"
#include "base/msgpack/msgpack.h"
#include "sdk/proto/base.pb.h"
#include "sdk/proto/driver.pb.h"

using namespace drover;
using namespace drover::cli;

namespace {

namespace pb = hashicorp::nomad::plugins::drivers::proto;
const std::string start_method = "/hashicorp.nomad.plugins.drivers.proto.Driver/StartTask";

}  // namespace

TEST_CASE("a traced start shows what is asked for, and nothing that is nobody's business", "[cli]") {
  pb::StartTaskRequest request;
  request.mutable_task()->set_id("a/b/c");
  (*request.mutable_task()->mutable_env())["PATH"] = "/bin";
  (*request.mutable_task()->mutable_env())["NOMAD_TOKEN"] = "s3cr3t";
  const Value config = json::parse(R"({"image": "web:1", "auth": {"username": "me", "password": "s3cr3t"}, "ports": ["http"]})").value();
  request.mutable_task()->set_msgpack_driver_config(msgpack::encode(config));

  const std::string shown = shown_message(start_method, true, request.SerializeAsString());

  CHECK(shown.find("s3cr3t") == std::string::npos);
  const Value task = *json::parse(shown).value().find("task");
  CHECK(task.find("id")->text() == "a/b/c");
  CHECK(json::write(*task.find("env")) == R"({"NOMAD_TOKEN":"<hidden>","PATH":"/bin"})");
  CHECK(task.find("msgpack_driver_config")->text() == R"({"image":"web:1","auth":{"username":"me","password":"<hidden>"},"ports":["http"]})");
}

TEST_CASE("bytes of the driver's own are counted, and so is what cannot be read", "[cli]") {
  pb::StartTaskResponse response;
  response.mutable_handle()->set_version(1);
  response.mutable_handle()->set_driver_state("12345");

  CHECK(shown_message(start_method, false, response.SerializeAsString()) == R"({"handle":{"version":1,"driver_state":"<5 bytes>"}})");
  CHECK(shown_message(start_method, true, "\xff\xff") == "\"<2 bytes> that are no message\"");
  CHECK(shown_message("/no.such.Service/Method", true, "abc") == "\"<3 bytes>\"");
}

TEST_CASE("enumerations are shown by name, lists and nested messages as JSON", "[cli]") {
  pb::FingerprintResponse response;
  response.set_health(pb::FingerprintResponse::HEALTHY);
  (*response.mutable_attributes())["driver.x"].set_bool_val(true);

  CHECK(shown_message("/hashicorp.nomad.plugins.drivers.proto.Driver/Fingerprint", false, response.SerializeAsString()) == R"({"attributes":{"driver.x":{"bool_val":true}},"health":"HEALTHY"})");
}
