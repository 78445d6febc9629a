#include "sdk/shim/watcher.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace drover::sdk::shim {

namespace {
constexpr std::uint64_t wake_key = 0;
constexpr int events_max = 64;
}  // namespace

Watcher::Watcher() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = wake_key;
  DROVER_ASSERT(epoll_.is_open() && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
  // Signals of the program are for its other threads.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Watcher::~Watcher() {
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

Result<void> Watcher::add(Fd pidfd, std::function<void(const Fd&)> ended) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t key = next_key_++;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pidfd.get(), &event) != 0) return fail(Code::exhausted, "watch a process: {}", std::strerror(errno));
  entries_.emplace(key, Entry{std::move(pidfd), std::move(ended)});
  return {};
}

void Watcher::run() {
  epoll_event events[events_max];
  for (;;) {
    const int count = ::epoll_wait(epoll_.get(), events, events_max, -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == wake_key) return;
      end(events[i].data.u64);
    }
  }
}

void Watcher::end(std::uint64_t key) {
  Entry entry;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    entry = std::move(found->second);
    entries_.erase(found);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.pidfd.get(), nullptr);
  }
  entry.ended(entry.pidfd);
}

}  // namespace drover::sdk::shim
