#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "plugins/docker/http.h"

/// For tests: something that listens on a unix socket and answers as it is told.
namespace drover::docker {

inline std::string http_answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class FakeEngine {
 public:
  FakeEngine() {
    static std::atomic<int> number = 0;
    path_ = (std::filesystem::temp_directory_path() / ("drover-fake-" + std::to_string(::getpid()) + "-" + std::to_string(++number))).string();
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    ::unlink(path_.c_str());
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_, 64);
    thread_ = std::thread([this] { run(); });
  }
  ~FakeEngine() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (auto& thread : threads_) thread.join();
    ::close(listener_);
    ::unlink(path_.c_str());
  }

  const std::string& path() const { return path_; }

  /// The bytes for requests whose target contains `part`, then the connection is closed, or kept open; none: closed at once.
  void answer(const std::string& part, const std::string& bytes, bool keep_open = false) { set(part, bytes, keep_open); }
  void answer_all(const std::string& bytes) { set("", bytes, false); }
  void hang_all() { set("", "", true); }

  int requests(const std::string& part) {
    const std::lock_guard lock(mutex_);
    int count = 0;
    for (const std::string& target : seen_) count += target.find(part) != std::string::npos ? 1 : 0;
    return count;
  }
  void wait_requests(int more) {
    std::unique_lock lock(mutex_);
    const std::size_t wanted = seen_.size() + static_cast<std::size_t>(more);
    changed_.wait(lock, [this, wanted] { return seen_.size() >= wanted; });
  }

 private:
  struct Rule {
    std::string part;
    std::string bytes;
    bool keep_open;
  };

  void set(const std::string& part, const std::string& bytes, bool keep_open) {
    const std::lock_guard lock(mutex_);
    for (Rule& rule : rules_) {
      if (rule.part == part) {
        rule = {part, bytes, keep_open};
        return;
      }
    }
    // The most general one last.
    rules_.insert(part.empty() ? rules_.end() : rules_.begin(), Rule{part, bytes, keep_open});
  }

  void run() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string head;
    char byte = 0;
    while (!head.ends_with("\r\n\r\n") && ::recv(fd, &byte, 1, 0) == 1) head += byte;
    Rule rule{"", "", false};
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(head.substr(0, head.find("\r\n")));
      for (auto at = rules_.rbegin(); at != rules_.rend(); ++at) {
        if (seen_.back().find(at->part) != std::string::npos) rule = *at;
      }
      changed_.notify_all();
    }
    [[maybe_unused]] const ssize_t sent = ::send(fd, rule.bytes.data(), rule.bytes.size(), MSG_NOSIGNAL);
    while (rule.keep_open && !stopping_) {
      pollfd poller{fd, POLLIN, 0};
      if (::poll(&poller, 1, 10) > 0 && ::recv(fd, &byte, 1, 0) <= 0) break;
    }
    ::close(fd);
  }

  std::string path_;
  int listener_ = -1;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Rule> rules_;
  std::vector<std::string> seen_;
  std::vector<std::thread> threads_;
  std::thread thread_;
};

}  // namespace drover::docker
