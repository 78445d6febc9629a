#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace drover::cow {

/// Room for N objects in a node of a Tree; how many live is known to the node. A building block of tree.h.
template <class T, std::size_t N>
class Slots {
 public:
  T& operator[](std::size_t at) { return data()[at]; }
  const T& operator[](std::size_t at) const { return data()[at]; }

  /// Makes a new object at `at`, moving the later ones of `count` up by one.
  template <class Arg>
  void insert(std::size_t at, std::size_t count, Arg&& arg) {
    for (std::size_t i = count; i > at; --i) relocate(data() + i - 1, data() + i);
    ::new (static_cast<void*>(data() + at)) T(std::forward<Arg>(arg));
  }

  void erase(std::size_t at, std::size_t count) {
    data()[at].~T();
    for (std::size_t i = at + 1; i < count; ++i) relocate(data() + i, data() + i - 1);
  }

  /// Moves `count` objects from `from[first…]` to here, starting at `at` (a free place).
  void take(std::size_t at, Slots& from, std::size_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) relocate(from.data() + first + i, data() + at + i);
  }

  /// Moves the objects [at, count) up by `by`.
  void open(std::size_t at, std::size_t count, std::size_t by) {
    for (std::size_t i = count; i > at; --i) relocate(data() + i - 1, data() + i - 1 + by);
  }

  /// Moves the objects [at, count) down by `by`; those before are gone already.
  void close(std::size_t at, std::size_t count, std::size_t by) {
    for (std::size_t i = at; i < count; ++i) relocate(data() + i, data() + i - by);
  }

  void copy(const Slots& from, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) ::new (static_cast<void*>(data() + i)) T(from[i]);
  }

  void destroy(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) data()[i].~T();
  }

 private:
  T* data() { return std::launder(reinterpret_cast<T*>(bytes_)); }
  const T* data() const { return std::launder(reinterpret_cast<const T*>(bytes_)); }

  static void relocate(T* from, T* to) {
    ::new (static_cast<void*>(to)) T(std::move(*from));
    from->~T();
  }

  alignas(T) std::byte bytes_[sizeof(T) * N];
};

/// Objects without a state take no room: what makes a Tree a set.
template <class T, std::size_t N>
  requires std::is_empty_v<T>
class Slots<T, N> {
 public:
  T& operator[](std::size_t) { return nothing_; }
  const T& operator[](std::size_t) const { return nothing_; }
  template <class Arg>
  void insert(std::size_t, std::size_t, Arg&&) {}
  void erase(std::size_t, std::size_t) {}
  void take(std::size_t, Slots&, std::size_t, std::size_t) {}
  void open(std::size_t, std::size_t, std::size_t) {}
  void close(std::size_t, std::size_t, std::size_t) {}
  void copy(const Slots&, std::size_t) {}
  void destroy(std::size_t) {}

 private:
  inline static T nothing_{};
};

}  // namespace drover::cow
