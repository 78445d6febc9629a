#include "base/rpc/rpc.h"

namespace drover::rpc {

Code code_of(StatusCode code) {
  switch (code) {
    case StatusCode::cancelled: return Code::cancelled;
    case StatusCode::invalid_argument:
    case StatusCode::failed_precondition:
    case StatusCode::out_of_range: return Code::invalid;
    case StatusCode::deadline_exceeded: return Code::timeout;
    case StatusCode::not_found: return Code::not_found;
    case StatusCode::already_exists:
    case StatusCode::aborted: return Code::conflict;
    case StatusCode::permission_denied:
    case StatusCode::unauthenticated: return Code::denied;
    case StatusCode::resource_exhausted: return Code::exhausted;
    case StatusCode::unimplemented: return Code::unsupported;
    case StatusCode::unavailable: return Code::unavailable;
    case StatusCode::ok:
    case StatusCode::unknown:
    case StatusCode::internal:
    case StatusCode::data_loss: break;
  }
  return Code::internal;
}

StatusCode status_code_of(Code code) {
  switch (code) {
    case Code::invalid: return StatusCode::invalid_argument;
    case Code::not_found: return StatusCode::not_found;
    case Code::conflict: return StatusCode::already_exists;
    case Code::denied: return StatusCode::permission_denied;
    case Code::unavailable: return StatusCode::unavailable;
    case Code::timeout: return StatusCode::deadline_exceeded;
    case Code::exhausted: return StatusCode::resource_exhausted;
    case Code::unsupported: return StatusCode::unimplemented;
    case Code::cancelled: return StatusCode::cancelled;
    case Code::internal: break;
  }
  return StatusCode::internal;
}

Error error_of(const Status& status) { return Error{code_of(status.code), status.message}; }

Status status_of(const Error& error) { return Status{status_code_of(error.code), error.message, {}}; }

}  // namespace drover::rpc
