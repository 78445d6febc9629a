#include "agent/logs/server.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace drover::agent::logs {

namespace {

constexpr std::uint64_t listener_key = 0;
constexpr std::uint64_t turn_bytes_max = 1024 * 1024;   // of one stream, before the next has its turn
constexpr std::uint64_t drain_bytes_max = 16 * 1024 * 1024;  // at the end of a task, if something still writes
constexpr auto retry_pause = std::chrono::milliseconds(500);  // for a full disk
constexpr std::size_t clients_max = 16;
constexpr std::size_t tasks_max = 8192;
constexpr int events_max = 64;

void complain(const std::string& what) { std::fprintf(stderr, "%s\n", what.c_str()); }

Result<Fd> take_lock(const std::string& path) {
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.is_open()) return fail(Code::denied, "open {}: {}", path, std::strerror(errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return fail(Code::conflict, "another log collector holds {}", path);
  return lock;
}

Result<Fd> listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(Code::invalid, "the socket path {} is longer than {} bytes", path, sizeof address.sun_path - 1);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(path.c_str());  // we hold the lock: whoever made it is gone
  const mode_t before = ::umask(0177);
  const bool bound = ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  ::umask(before);
  if (!bound || ::listen(listener.get(), static_cast<int>(clients_max)) != 0)
    return fail(Code::denied, "listen on {}: {}", path, std::strerror(bound ? errno : error));
  return listener;
}

bool watch(int epoll, int fd, std::uint64_t key, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::open(const std::string& socket_path) {
  std::unique_ptr<Server> server(new Server);
  server->socket_path_ = socket_path;
  DROVER_LET(server->lock_, take_lock(socket_path + ".lock"));
  DROVER_LET(server->listener_, listen_at(socket_path));
  server->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!watch(server->epoll_.get(), server->listener_.get(), listener_key, EPOLLIN)) return fail(Code::internal, "watch {}: {}", socket_path, std::strerror(errno));
  return server;
}

Server::~Server() {
  if (listener_.is_open()) ::unlink(socket_path_.c_str());
}

Result<void> Server::run() {
  epoll_event events[events_max];
  while (!ending_) {
    const int count = ::epoll_wait(epoll_.get(), events, events_max, poll_timeout_ms());
    if (count < 0 && errno != EINTR) return fail(Code::internal, "wait for output: {}", std::strerror(errno));
    for (int i = 0; i < count; ++i) {
      const Key key = events[i].data.u64;
      if (key == listener_key) accept_clients();
      else if (clients_.count(key) > 0) serve_client(key);
      else if (const auto output = outputs_.find(key); output != outputs_.end()) mark_ready(*output->second);
    }
    retry_stuck();
    move_ready();
  }
  return {};
}

int Server::poll_timeout_ms() const {
  if (!ready_.empty()) return 0;
  if (stuck_.empty()) return -1;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(retry_at_ - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count() + 1, 0));
}

void Server::accept_clients() {
  for (;;) {
    Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.is_open()) return;
    if (clients_.size() >= clients_max) continue;  // closed at once
    const Key key = next_key_++;
    if (watch(epoll_.get(), client.get(), key, EPOLLIN)) clients_.emplace(key, std::move(client));
  }
}

void Server::serve_client(Key key) {
  const int socket = clients_.at(key).get();
  auto packet = receive_packet(socket);
  if (packet.ok() && packet->bytes.empty()) return;
  auto request = packet.ok() ? parse_request(packet->bytes) : Result<Request>(packet.error());
  if (!request.ok()) {
    clients_.erase(key);
    return;
  }
  const Answer answer = handle(*request, std::move(packet->descriptors));
  if (!send_packet(socket, encode(answer)).ok()) clients_.erase(key);
}

Answer Server::handle(const Request& request, std::vector<Fd> descriptors) {
  Result<void> done;
  switch (request.operation) {
    case Operation::hello: break;
    case Operation::add: done = add(request, std::move(descriptors)); break;
    case Operation::remove: done = remove({request.alloc_id, request.task}); break;
    case Operation::end:
      while (!tasks_.empty())
        if (const auto removed = remove(tasks_.begin()->first); !removed.ok()) done = removed;
      ending_ = true;
      break;
  }
  return Answer{request.number, done.ok() ? std::string() : done.error().message};
}

Result<void> Server::add(const Request& request, std::vector<Fd> descriptors) {
  if (descriptors.size() != descriptors_max) return fail(Code::invalid, "{} descriptors came with task {}", descriptors.size(), request.task);
  DROVER_TRY(check_task_name(request.task));
  const TaskKey key{request.alloc_id, request.task};
  if (const auto known = tasks_.find(key); known != tasks_.end()) {
    Task& task = known->second;
    const bool same = task.out->stream.reads_from(descriptors[1].get()) && task.err->stream.reads_from(descriptors[2].get());
    if (same) {
      task.out->stream.set_limits({request.files_max, request.file_size_max});
      task.err->stream.set_limits({request.files_max, request.file_size_max});
      return {};
    }
    DROVER_TRY(remove(key));
  }
  if (tasks_.size() >= tasks_max) return fail(Code::exhausted, "{} tasks are collected already", tasks_max);
  Task task;
  DROVER_LET(task.out, open_output(request, "stdout", descriptors[0], std::move(descriptors[1])));
  DROVER_LET(task.err, open_output(request, "stderr", descriptors[0], std::move(descriptors[2])));
  for (Output* output : {task.out.get(), task.err.get()}) {
    outputs_[output->key] = output;
    // Edge-triggered: a FIFO whose writers have all closed would be reported for ever.
    watch(epoll_.get(), output->stream.fifo(), output->key, EPOLLIN | EPOLLET);
    mark_ready(*output);
  }
  tasks_.emplace(key, std::move(task));
  return {};
}

Result<std::unique_ptr<Server::Output>> Server::open_output(const Request& request, const char* kind, const Fd& folder, Fd fifo) {
  DROVER_LET(LogStream stream, LogStream::open(folder.get(), request.task + "." + kind, std::move(fifo), {request.files_max, request.file_size_max}));
  return std::unique_ptr<Output>(new Output{next_key_++, std::move(stream), false, false, {}});
}

Result<void> Server::remove(const TaskKey& key) {
  const auto found = tasks_.find(key);
  if (found == tasks_.end()) return {};
  const auto out = drain(*found->second.out);
  const auto err = drain(*found->second.err);
  drop(*found->second.out);
  drop(*found->second.err);
  tasks_.erase(found);
  DROVER_TRY(out);
  return err;
}

Result<void> Server::drain(Output& output) {
  DROVER_LET(const LogStream::Moved moved, output.stream.move(drain_bytes_max));
  if (moved == LogStream::Moved::stuck) return fail(Code::exhausted, "the disk is full: the last output is lost");
  return {};
}

void Server::drop(Output& output) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, output.stream.fifo(), nullptr);
  outputs_.erase(output.key);
  stuck_.erase(output.key);
  std::erase(ready_, output.key);
}

void Server::mark_ready(Output& output) {
  if (output.is_ready || output.is_stuck) return;
  output.is_ready = true;
  ready_.push_back(output.key);
}

/// One turn of each stream that is ready now.
void Server::move_ready() {
  for (std::size_t turns = ready_.size(); turns > 0; --turns) {
    Output& output = *outputs_.at(ready_.front());
    ready_.pop_front();
    output.is_ready = false;
    const auto moved = output.stream.move(turn_bytes_max);
    if (moved.ok() && *moved == LogStream::Moved::some) {
      mark_ready(output);
      continue;
    }
    if (moved.ok() && *moved == LogStream::Moved::all) {
      output.last_error.clear();
      continue;
    }
    // What cannot be written waits in the FIFO; nothing is dropped.
    const std::string why = moved.ok() ? "the disk is full" : moved.error().message;
    if (why != output.last_error) complain("output waits: " + why);
    output.last_error = why;
    output.is_stuck = true;
    if (stuck_.empty()) retry_at_ = std::chrono::steady_clock::now() + retry_pause;
    stuck_.insert(output.key);
  }
}

void Server::retry_stuck() {
  if (stuck_.empty() || std::chrono::steady_clock::now() < retry_at_) return;
  const std::set<Key> keys = std::move(stuck_);
  stuck_.clear();
  for (const Key key : keys) {
    outputs_.at(key)->is_stuck = false;
    mark_ready(*outputs_.at(key));
  }
}

}  // namespace drover::agent::logs
