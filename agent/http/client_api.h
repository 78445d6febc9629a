#pragma once

#include <optional>
#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/http/alloc_folder.h"
#include "base/http/types.h"
#include "base/loop/loop.h"
#include "base/loop/workers.h"

namespace drover::agent {

class AllocRunner;
class Drivers;
class HostFacts;
class TaskFiles;

/// Answers /v1/client/… on the node that it is about, with Nomad's statuses and texts. On the agent's loop; files are
/// read on the workers.
class ClientApi {
 public:
  /// What it asks of the agent.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual AllocRunner* find_alloc(const std::string& id) = 0;
    /// Deletes what has ended.
    virtual Result<void> collect(const std::string& id) = 0;
    virtual void collect_all() = 0;
  };
  struct Parts {
    Loop& loop;
    Workers& workers;
    Drivers& drivers;
    TaskFiles& files;
    HostFacts& facts;
  };

  ClientApi(Parts parts, Owner& owner) : parts_(parts), owner_(owner) {}

  Async<http::Response> handle(http::Request request);

 private:
  using Path = std::vector<std::string>;

  Async<http::Response> about_alloc(Path path, http::Request request);
  Async<http::Response> usage(std::string alloc_id, http::Request request);
  Async<http::Response> restart(std::string alloc_id, http::Request request);
  Async<http::Response> signal(std::string alloc_id, http::Request request);
  Async<http::Response> host_use();

  // client_exec.cc
  http::Response exec(std::string alloc_id, http::Request request);
  Async<void> converse(std::string alloc_id, http::Request request, http::WebSocket& socket);

  // client_fs.cc
  Async<http::Response> about_files(Path path, http::Request request);
  Async<http::Response> list(AllocFolder folder, http::Request request);
  Async<http::Response> stat(AllocFolder folder, http::Request request);
  Async<http::Response> cat(AllocFolder folder, http::Request request, bool part);
  Async<http::Response> stream(AllocFolder folder, http::Request request);
  http::Response logs(AllocFolder folder, std::string alloc_id, const http::Request& request);

  Parts parts_;
  Owner& owner_;
};

// For the two halves of the implementation.
http::Response text_answer(int status, std::string text);
http::Response json_answer(std::string json);
http::Response unknown_alloc(const std::string& id);
std::string parameter(const http::Request& request, std::string_view name);

}  // namespace drover::agent
