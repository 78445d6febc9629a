#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/loop/duplex.h"
#include "base/loop/loop.h"
#include "base/loop/signal.h"

namespace drover {

/// How many messages may wait for a reader in one direction of a duplex_pair.
constexpr std::size_t duplex_queue_max = 4096;

namespace detail {

/// One direction: written on one loop, read on another; the loops may be threads of their own.
template <class T>
class Pipe {
 public:
  /// What the reading end owns; the writer only ever posts to its loop.
  struct Reader {
    explicit Reader(Loop& its_loop) : loop(its_loop), arrived(its_loop) {}
    Loop& loop;
    Signal arrived;
  };

  explicit Pipe(std::size_t queue_max) : queue_max_(queue_max) {}

  void set_reader(const std::shared_ptr<Reader>& reader) {
    const std::lock_guard lock(mutex_);
    reader_ = reader;
    reader_loop_ = &reader->loop;
  }

  Result<void> push(T message) {
    const std::lock_guard lock(mutex_);
    if (ended_) return fail(Code::unavailable, "{}", reason_);
    if (queue_.size() >= queue_max_) return fail(Code::exhausted, "the other side does not read: {} messages wait", queue_.size());
    queue_.push_back(std::move(message));
    if (queue_.size() == 1) wake_reader();
    return {};
  }

  void end(std::string reason, bool drop_queued) {
    const std::lock_guard lock(mutex_);
    if (drop_queued) {
      queue_.clear();
      reader_loop_ = nullptr;
    }
    if (ended_) return;
    ended_ = true;
    reason_ = std::move(reason);
    wake_reader();
  }

  /// The next message, or the end; nothing when neither is there yet.
  std::optional<Result<T>> try_pop() {
    const std::lock_guard lock(mutex_);
    if (!queue_.empty()) {
      Result<T> message(std::move(queue_.front()));
      queue_.pop_front();
      return message;
    }
    if (ended_) return Result<T>(fail(Code::unavailable, "{}", reason_));
    return std::nullopt;
  }

 private:
  void wake_reader() {
    if (reader_loop_ == nullptr) return;
    // Locked on the reader's loop, where it is destroyed as well.
    reader_loop_->post([weak = reader_] {
      if (const std::shared_ptr<Reader> reader = weak.lock()) reader->arrived.notify();
    });
  }

  const std::size_t queue_max_;
  std::mutex mutex_;
  std::deque<T> queue_;
  bool ended_ = false;
  std::string reason_;
  std::weak_ptr<Reader> reader_;
  Loop* reader_loop_ = nullptr;
};

template <class Out, class In>
class PairEnd final : public Duplex<Out, In> {
 public:
  PairEnd(Loop& loop, std::shared_ptr<Pipe<Out>> out, std::shared_ptr<Pipe<In>> in)
      : out_(std::move(out)), in_(std::move(in)), reader_(std::make_shared<typename Pipe<In>::Reader>(loop)) {
    in_->set_reader(reader_);
  }

  ~PairEnd() override {
    out_->end("the other side is gone", false);
    in_->end("the other side is gone", true);
  }

  Result<void> send(Out message) override { return out_->push(std::move(message)); }
  Async<Result<In>> receive() override { return receive_from(in_, reader_); }

  void close(std::string reason) override {
    out_->end(reason, false);
    in_->end(std::move(reason), false);
  }

 private:
  static Async<Result<In>> receive_from(std::shared_ptr<Pipe<In>> in, std::shared_ptr<typename Pipe<In>::Reader> reader) {
    for (;;) {
      std::optional<Result<In>> message = in->try_pop();
      if (message) co_return std::move(*message);
      const bool woken = co_await reader->arrived.wait();
      if (!woken) co_return fail(Code::cancelled, "the wait for a message was cancelled");
    }
  }

  std::shared_ptr<Pipe<Out>> out_;
  std::shared_ptr<Pipe<In>> in_;
  std::shared_ptr<typename Pipe<In>::Reader> reader_;
};

}  // namespace detail

/// Two connected ends in one process: the first lives on `first` and sends A, the second on `second` and sends B.
/// Destroying an end closes it.
template <class A, class B>
std::pair<std::unique_ptr<Duplex<A, B>>, std::unique_ptr<Duplex<B, A>>> duplex_pair(Loop& first, Loop& second,
                                                                                    std::size_t queue_max = duplex_queue_max) {
  auto forth = std::make_shared<detail::Pipe<A>>(queue_max);
  auto back = std::make_shared<detail::Pipe<B>>(queue_max);
  return {std::make_unique<detail::PairEnd<A, B>>(first, forth, back), std::make_unique<detail::PairEnd<B, A>>(second, back, forth)};
}

}  // namespace drover
