#include "server/http/json_body.h"

#include <catch2/catch.hpp>

namespace drover::server {
namespace {

/// The text of the refusal of a body; "" when it is taken.
std::string refusal(const std::string& path, const std::string& body) {
  api::Call call;
  call.request.path = path;
  call.request.body = body;
  const Body read = body_of(call);
  return read.refusal ? read.refusal->body : "";
}

}  // namespace

TEST_CASE("a body that is no object is refused by the name that clients know it by", "[http]") {
  CHECK(refusal("/v1/search", " [1]") == "json: cannot unmarshal array into Go value of type structs.SearchRequest");
  CHECK(refusal("/v1/job/a/b/revert", "\"x\"") == "json: cannot unmarshal string into Go value of type structs.JobRevertRequest");
  CHECK(refusal("/v1/job/web", "5") == "json: cannot unmarshal number into Go value of type api.JobRegisterRequest");
  CHECK(refusal("/v1/job/web/versions/v1/tag", "true") == "json: cannot unmarshal bool into Go value of type api.TagVersionRequest");
  CHECK(refusal("/v1/elsewhere", "[]") == "expected an object, found a list");
  CHECK(refusal("/v1/search", "[1") == "unexpected EOF");
  CHECK(refusal("/v1/search", "") == "Request body is empty");
  CHECK(refusal("/v1/search", "{}").empty());
  CHECK(refusal("/v1/search", "null").empty());
}

}  // namespace drover::server
