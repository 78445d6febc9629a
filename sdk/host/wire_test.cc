// The recorded messages of real hosts and drivers against our definitions of the wire.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/field_comparator.h>
#include <google/protobuf/util/message_differencer.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "base/json/json.h"
#include "base/msgpack/msgpack.h"
#include "base/rpc/self_signed.h"
#include "sdk/host/spec.h"
#include "sdk/proto/base.pb.h"
#include "sdk/proto/driver.pb.h"
#include "sdk/proto/handshake.pb.h"
#include "sdk/proto/health.pb.h"
#include "sdk/proto/shared.pb.h"
#include "tests/recorded.h"

namespace drover::host {
namespace {

namespace pb = google::protobuf;
namespace base = hashicorp::nomad::plugins::base::proto;
namespace drivers = hashicorp::nomad::plugins::drivers::proto;

constexpr const char* recordings[] = {"hello", "hello-judge", "podman", "podman-judge", "exec2", "exec2-start-failure"};

/// Makes sure that the linker keeps every message that a recording may name.
void keep_messages() {
  for (const pb::Descriptor* descriptor :
       {base::SetConfigRequest::descriptor(), drivers::StartTaskRequest::descriptor(), plugin::StdioData::descriptor(),
        grpc::health::v1::HealthCheckRequest::descriptor(),
        hashicorp::nomad::plugins::shared::structs::RecoverableError::descriptor()}) {
    REQUIRE(descriptor != nullptr);
  }
}

struct Frame {
  std::string where;
  std::string type;
  std::string bytes;
  std::string text;
};

std::vector<Frame> frames_of(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  const Value recording = json::parse(content.str()).value();
  std::vector<Frame> frames;
  for (const Value& frame : recording.find("frames")->items()) {
    const Value* type = frame.find("type");
    const Value* raw = frame.find("raw");
    if (type == nullptr || raw == nullptr) continue;
    const Value* text = frame.find("text");
    frames.push_back({name + " frame " + std::to_string(frame.find("seq")->integer()), type->text(),
                      rpc::from_base64(raw->text()).value(), text != nullptr ? text->text() : ""});
  }
  return frames;
}

std::vector<Frame> all_frames() {
  keep_messages();
  std::vector<Frame> frames;
  for (const std::string name : recordings) {
    const std::string path = tests::recorded_or_skip("wire/" + name + ".json");
    if (path.empty()) continue;
    for (Frame& frame : frames_of(path, name)) frames.push_back(std::move(frame));
  }
  return frames;
}

bool has_unknown_fields(const pb::Message& message) {
  const pb::Reflection* reflection = message.GetReflection();
  if (!reflection->GetUnknownFields(message).empty()) return true;
  std::vector<const pb::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (has_unknown_fields(reflection->GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      if (has_unknown_fields(reflection->GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

template <class Message>
Message parsed(const Frame& frame) {
  Message message;
  REQUIRE(message.ParseFromString(frame.bytes));
  return message;
}

/// The configuration as a user would have written it: without what is absent.
Value without_nulls(const Value& value) {
  if (value.is_list()) {
    Value list = Value::list();
    for (const Value& item : value.items()) list.push(without_nulls(item));
    return list;
  }
  if (!value.is_map()) return value;
  Value map = Value::map();
  for (const auto& [name, member] : value.members()) {
    if (!member.is_null()) map.set(name, without_nulls(member));
  }
  return map;
}

/// As messages: what is not a number equals itself.
bool same(const pb::Message& a, const pb::Message& b) {
  pb::util::DefaultFieldComparator comparator;
  comparator.set_treat_nan_as_equal(true);
  pb::util::MessageDifferencer differencer;
  differencer.set_field_comparator(&comparator);
  return differencer.Compare(a, b);
}

}  // namespace

TEST_CASE("every recorded message is known, field by field, and survives the round trip", "[recorded]") {
  const std::vector<Frame> frames = all_frames();
  pb::DynamicMessageFactory factory;
  factory.SetDelegateToGeneratedFactory(true);
  int checked = 0;
  for (const Frame& frame : frames) {
    INFO(frame.where << ": " << frame.type);
    const pb::Descriptor* descriptor = pb::DescriptorPool::generated_pool()->FindMessageTypeByName(frame.type);
    REQUIRE(descriptor != nullptr);
    const std::unique_ptr<pb::Message> message(factory.GetPrototype(descriptor)->New());
    const std::unique_ptr<pb::Message> again(factory.GetPrototype(descriptor)->New());
    const std::unique_ptr<pb::Message> from_text(factory.GetPrototype(descriptor)->New());

    REQUIRE(message->ParseFromString(frame.bytes));
    CHECK_FALSE(has_unknown_fields(*message));
    REQUIRE(again->ParseFromString(message->SerializeAsString()));
    CHECK(same(*message, *again));
    REQUIRE(pb::TextFormat::ParseFromString(frame.text, from_text.get()));
    CHECK(same(*message, *from_text));
    ++checked;
  }
  if (!frames.empty()) CHECK(checked > 1000);
}

TEST_CASE("recorded configurations are encoded by us byte for byte as by the recorded host", "[recorded]") {
  int compared = 0;
  for (const Frame& frame : all_frames()) {
    INFO(frame.where);
    std::string bytes;
    if (frame.type == "hashicorp.nomad.plugins.base.proto.SetConfigRequest") {
      bytes = parsed<base::SetConfigRequest>(frame).msgpack_config();
    } else if (frame.type == "hashicorp.nomad.plugins.drivers.proto.StartTaskRequest") {
      bytes = parsed<drivers::StartTaskRequest>(frame).task().msgpack_driver_config();
    }
    if (bytes.empty()) continue;
    const Result<Value> value = msgpack::decode(bytes);
    if (!value) continue;  // a judge sends garbage on purpose
    CHECK(msgpack::encode(*value) == bytes);
    ++compared;
  }
  if (compared > 0) CHECK(compared > 20);
}

TEST_CASE("a recorded schema turns what a user wrote into the recorded bytes", "[recorded]") {
  std::map<std::string, hashicorp::nomad::plugins::shared::hclspec::Spec> schemas;  // by recording
  int compared = 0;
  for (const Frame& frame : all_frames()) {
    INFO(frame.where);
    const std::string recording = frame.where.substr(0, frame.where.find(' '));
    if (frame.type == "hashicorp.nomad.plugins.drivers.proto.TaskConfigSchemaResponse") {
      schemas[recording] = parsed<drivers::TaskConfigSchemaResponse>(frame).spec();
      CHECK(check_spec(schemas[recording]).ok());
    }
    if (frame.type == "hashicorp.nomad.plugins.base.proto.ConfigSchemaResponse") {
      const auto response = parsed<base::ConfigSchemaResponse>(frame);
      if (response.has_spec()) CHECK(check_spec(response.spec()).ok());
    }
    if (frame.type != "hashicorp.nomad.plugins.drivers.proto.StartTaskRequest" || !schemas.contains(recording)) continue;
    if (recording.ends_with("judge")) continue;  // it sends what no schema made
    const std::string bytes = parsed<drivers::StartTaskRequest>(frame).task().msgpack_driver_config();
    const Result<Value> value = apply_spec(schemas.at(recording), without_nulls(msgpack::decode(bytes).value()), "config");
    REQUIRE(value.ok());
    CHECK(json::write(*value) == json::write(msgpack::decode(bytes).value()));
    CHECK(msgpack::encode(*value) == bytes);
    ++compared;
  }
  if (compared > 0) CHECK(compared > 10);
}

}  // namespace drover::host
