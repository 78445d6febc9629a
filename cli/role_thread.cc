#include "cli/role_thread.h"

#include <pthread.h>

namespace drover::cli {

RoleThread::RoleThread(const std::string& name) : guard_(loop_.keep_running()), thread_([this] { loop_.run(); }) {
  pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

RoleThread::~RoleThread() {
  guard_.reset();
  loop_.stop();
  thread_.join();
}

namespace {
Async<bool> with_result(std::function<Async<void>()> make) {
  Async<void> work = make();
  co_await std::move(work);
  co_return true;
}
}  // namespace

void RoleThread::wait_void(std::function<Async<void>()> make) {
  wait<bool>([make = std::move(make)] { return with_result(make); });
}

}  // namespace drover::cli
