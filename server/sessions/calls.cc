#include "server/sessions/calls.h"

#include <string>

#include <drover/result.h>

#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/session.pb.h"

namespace drover::server {
namespace {

using Method = Result<std::string> (*)(const Snapshot& state, const Uuid& node, const std::string& body);

Result<std::string> get_alloc(const Snapshot& state, const Uuid& node, const std::string& body) {
  const AllocRow* row = state.alloc(parse_uuid(body));
  if (!row) return fail(Code::not_found, "alloc not found");
  if (state.node_of(*row) != node) return fail(Code::denied, "allocation {} belongs to another node", body);
  model::Allocation alloc = state.message(*row);
  *alloc.mutable_job() = to_message(state.version_of(*row));
  return alloc.SerializeAsString();
}

struct Entry {
  std::string_view name;
  Method method;
};
constexpr Entry methods[] = {{"Alloc.Get", get_alloc}};

Result<std::string> answer(const Snapshot& state, const model::CallRequest& request) {
  const Uuid id = parse_uuid(request.node_id());
  const model::Node* node = state.node(id);
  if (!node || node->secret_id().empty() || node->secret_id() != request.secret_id()) {
    return fail(Code::denied, "call {}: node {} is not known with this secret", request.method(), request.node_id());
  }
  for (const Entry& entry : methods) {
    if (entry.name == request.method()) return entry.method(state, id, request.body());
  }
  return fail(Code::unsupported, "call {}: not supported yet", request.method());
}

}  // namespace

model::CallResponse answer_call(const Snapshot& state, const model::CallRequest& request) {
  model::CallResponse response;
  Result<std::string> body = answer(state, request);
  if (body) {
    response.set_body(std::move(*body));
  } else {
    response.set_code(1 + static_cast<int>(body.error().code));
    response.set_error(body.error().message);
  }
  return response;
}

}  // namespace drover::server
