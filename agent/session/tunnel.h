#pragma once

#include <functional>

#include "agent/server_link.h"
#include "base/http/types.h"
#include "base/loop/loop.h"

namespace drover::agent {

/// A body piece of a tunnel is at most so large, and so much of a body may be on its way before the other side has
/// granted more.
constexpr std::size_t tunnel_piece_max = 32 * 1024;
constexpr std::size_t tunnel_credit_first = 64 * 1024;
constexpr std::size_t tunnel_request_body_max = 32 << 20;

/// Answers one OpenTunnel: dials back, lets `handler` answer, and sends head and body, never more than the other side
/// has granted. Ends early when that side has gone.
Async<void> answer_tunnel(Loop& loop, ServerLink& link, http::Handler handler, model::OpenTunnel open);

}  // namespace drover::agent
