#include "agent/http/checks_json.h"

#include <chrono>
#include <map>

#include "agent/alloc/alloc_runner.h"
#include "model/json/codec.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/registration.pb.h"

namespace drover::agent {
namespace {

model::CheckQueryResult to_message(const CheckReport& report, const std::string& alloc_name) {
  model::CheckQueryResult out;
  out.set_id(report.spec.id);
  out.set_mode(report.spec.readiness ? "readiness" : "healthiness");
  out.set_status(to_text(report.state.status));
  out.set_status_code(report.spec.type == CheckType::http ? report.state.code : 0);
  out.set_output(report.state.output);
  const auto at = std::chrono::duration_cast<std::chrono::seconds>(report.state.at.time_since_epoch());
  out.set_timestamp(at.count());
  out.set_group(alloc_name);
  out.set_task(report.task);
  out.set_service(report.service);
  out.set_check(report.spec.name);
  return out;
}

}  // namespace

std::string checks_json(const AllocRunner& alloc) {
  std::map<std::string, model::CheckQueryResult> by_id;
  for (const CheckReport& report : alloc.services().reports())
    by_id[report.spec.id] = to_message(report, alloc.alloc()->name());
  std::string out = "{";
  for (const auto& [id, result] : by_id) {
    out += (out.size() > 1 ? ",\"" : "\"") + id + "\":";
    model::append_json(out, result);
  }
  return out + "}";
}

}  // namespace drover::agent
