#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/rpc/rpc.h"
#include "sdk/proto/base.pb.h"
#include "sdk/proto/driver.pb.h"

/// One way each in which a driver can be wrong, for every check of the suite: a check that cannot fail is not trusted.
namespace drover::broken {

namespace base_pb = hashicorp::nomad::plugins::base::proto;
namespace pb = hashicorp::nomad::plugins::drivers::proto;

/// What is done to the calls of a driver that is otherwise right. Methods are named by the last part of their path.
struct Fault {
  /// Changes a request before the driver sees it.
  std::function<void(const std::string& method, std::string& bytes)> request;
  /// Changes an answer, or swallows it (false).
  std::function<bool(const std::string& method, std::string& bytes)> response;
  /// Changes how a call ends. `sent` = answers so far; true = send an empty answer first.
  std::function<bool(const std::string& method, rpc::Status& status, int sent)> status;
  /// Takes a call over when its first request comes: true when nothing is left for the driver to do.
  std::function<bool(const std::string& method, const std::string& bytes, rpc::Call& call)> instead;
  /// When a call arrives.
  std::function<void(const std::string& method, rpc::Call& call)> opened;
  /// At the start of the process, before the handshake line; may change it.
  std::function<void(std::string& line)> handshake;
  /// Instead of explaining itself by hand; the exit status.
  std::function<int()> by_hand;
  std::string deaf_to_cancel;    ///< the method that does not hear that its caller has gone
  bool no_tls = false;           ///< does not encrypt, whatever it was asked
  bool dies_of_ctrl_c = false;
  bool dies_of_sigpipe = false;
  /// Right after the handshake line.
  std::function<void()> started;
};

using Faults = std::map<std::string, Fault>;  ///< by the id of the check that finds it

void add_process_faults(Faults& faults);
void add_answer_faults(Faults& faults);
void add_task_faults(Faults& faults);
void add_exec_faults(Faults& faults);
void add_recovery_faults(Faults& faults);
void add_hostile_faults(Faults& faults);
Faults all_faults();

// How things go wrong.
Fault succeeds_wrongly(const std::string& method);                       ///< its errors become successes
Fault fails(const std::string& method, rpc::StatusCode code = rpc::StatusCode::unknown, const std::string& text = "broken");
Fault hangs(const std::string& method);                                  ///< it never answers
Fault ends_at_once(const std::string& method);                           ///< a stream that should stay open
Fault stays_open(const std::string& method);                             ///< a stream that should end
Fault dies(const std::string& method);                                   ///< the process, at the request
Fault dies_at(const std::string& method, std::function<bool(const std::string& bytes)> which);
Fault says(const std::string& method, const std::string& text);          ///< another text of its errors
Fault leaks(const std::string& method);                                  ///< descriptors, at every call
/// Kills its own process with SIGKILL where a file in the folder tells it to: METHOD.before (the request has come), METHOD.done (the work is
/// done, the answer held back) or METHOD.answered. One order kills one process, whose pid is then in METHOD.MOMENT.died.
Fault dies_when_told(const std::string& folder);
Fault forgets_requests(const std::string& method);                       ///< answers OK with an empty message, does nothing

/// Changes the answers of a method.
template <class Message>
Fault changes(const std::string& method, std::function<void(Message&)> change) {
  Fault fault;
  fault.response = [method, change = std::move(change)](const std::string& called, std::string& bytes) {
    Message message;
    if (called != method || !message.ParseFromString(bytes)) return true;
    change(message);
    bytes = message.SerializeAsString();
    return true;
  };
  return fault;
}

/// Changes the requests of a method.
template <class Message>
Fault asks(const std::string& method, std::function<void(Message&)> change) {
  Fault fault;
  fault.request = [method, change = std::move(change)](const std::string& called, std::string& bytes) {
    Message message;
    if (called != method || !message.ParseFromString(bytes)) return;
    change(message);
    bytes = message.SerializeAsString();
  };
  return fault;
}

}  // namespace drover::broken
