#pragma once

namespace drover::rpc {

/// gRPC runs callbacks on a few threads of its own. After each second in which nothing came, they sleep for 100 ms
/// (grpcpp's completion_queue_cc.cc calls it an idle phase), and often all at once: whatever arrives then waits. Here
/// that sleep is 1 ms long. Whoever makes a channel or a server calls this, which does nothing but bring the
/// replacement for gRPC's function into the program.
void shorten_idle_phase();

}  // namespace drover::rpc
