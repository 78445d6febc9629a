// drover-logs SOCKET: moves the output of all tasks from FIFOs into files. Started by the agent, outlives it.

#include <csignal>
#include <cstdio>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/logs/server.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: drover-logs SOCKET\nMoves the output of tasks into files. The agent starts it by itself.\n");
    return 2;
  }
  ::umask(022);
  for (const int signal : {SIGPIPE, SIGHUP, SIGINT, SIGTERM}) ::signal(signal, SIG_IGN);  // ends when asked to, or by SIGKILL
  auto server = drover::agent::logs::Server::open(argv[1]);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return server.error().code == drover::Code::conflict ? 3 : 1;
  }
  const auto ended = (*server)->run();
  if (ended.ok()) return 0;
  std::fprintf(stderr, "%s\n", ended.error().message.c_str());
  return 1;
}
