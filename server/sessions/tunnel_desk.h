#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/loop/call.h"
#include "base/loop/random.h"
#include "base/loop/scope.h"
#include "server/sessions/sessions.h"
#include "server/sessions/tunnels.h"

namespace drover::server {

/// Tunnels over the sessions of this server.
class TunnelDesk final : public Tunnels {
 public:
  TunnelDesk(Loop& loop, Random& random, Sessions& sessions);
  ~TunnelDesk() override;

  Async<Result<std::unique_ptr<TunnelAnswer>>> open(Uuid node, TunnelRequest request, Loop& on) override;
  void accept(std::unique_ptr<TunnelLink> link) override;
  Async<void> stop();

 private:
  struct Tunnel;
  struct Pending;
  class Answer;

  void ask_agent(const Uuid& node, const TunnelRequest& request, Done<std::shared_ptr<Tunnel>> done, std::weak_ptr<const void> wanted);
  Async<void> give_up_later(std::string id);
  Async<void> serve(std::shared_ptr<Tunnel> tunnel);

  Loop& loop_;
  Random& random_;
  Sessions& sessions_;
  std::map<std::string, std::unique_ptr<Pending>> pending_;
  Scope scope_;
};

}  // namespace drover::server
