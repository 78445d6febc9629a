#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

/// Errors as values: Result<T>, Error, and the macros that bind a value or hand the error on.
///
/// Used by all of drover and by driver authors; needs the standard library only.
namespace drover {

/// What kind of failure. Callers branch on this, never on the text. Mapped once to gRPC and once to HTTP.
enum class Code : std::uint8_t {
  invalid,      ///< the request or input is wrong, and will stay wrong
  not_found,    ///< what is named does not exist
  conflict,     ///< it exists already, or another change came first
  denied,       ///< not allowed
  unavailable,  ///< cannot be reached or not ready now; may be tried again
  timeout,      ///< took longer than its bound
  exhausted,    ///< a named bound was reached
  unsupported,  ///< not supported (yet)
  cancelled,    ///< the caller gave up, or the owner is stopping
  internal,     ///< a defect, or a broken environment
};

constexpr std::string_view to_text(Code code) {
  constexpr std::string_view names[] = {"invalid", "not found", "conflict",  "denied",    "unavailable",
                                        "timeout", "exhausted", "unsupported", "cancelled", "internal"};
  return names[static_cast<std::size_t>(code)];
}

/// A failure: its kind and one sentence in lower case without a full stop, so that messages chain.
struct Error {
  Code code = Code::internal;
  std::string message;

  /// The same failure, with what was attempted put in front: "read config: no such file".
  Error within(std::string_view what) const { return Error{code, std::string(what) + ": " + message}; }

  friend bool operator==(const Error&, const Error&) = default;
};

namespace detail {

inline void append_text(std::string& out, std::string_view text) { out.append(text); }
inline void append_text(std::string& out, const char* text) { out.append(text); }
inline void append_text(std::string& out, const std::string& text) { out.append(text); }
inline void append_text(std::string& out, bool value) { out.append(value ? "true" : "false"); }
inline void append_text(std::string& out, char value) { out.push_back(value); }
template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>)
void append_text(std::string& out, T value) {
  out.append(std::to_string(value));
}
inline void append_text(std::string& out, double value) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%g", value);
  out.append(buffer);
}

/// Appends the text up to the next "{}" and moves past it.
inline void append_until_hole(std::string& out, std::string_view& format) {
  const auto hole = format.find("{}");
  out.append(format.substr(0, hole));
  format.remove_prefix(hole == std::string_view::npos ? format.size() : hole + 2);
}

}  // namespace detail

/// "{}" in `format` is replaced by the arguments in order: texts, integers, bool, double. No other syntax.
template <class... Args>
std::string text(std::string_view format, const Args&... args) {
  std::string out;
  ((detail::append_until_hole(out, format), detail::append_text(out, args)), ...);
  out.append(format);
  return out;
}

/// An error with a formatted message: `return fail(Code::invalid, "task '{}' has no command", name);`
template <class... Args>
Error fail(Code code, std::string_view format, const Args&... args) {
  return Error{code, text(format, args...)};
}

[[noreturn]] inline void assertion_failed(const char* expression, std::source_location where = std::source_location::current()) {
  std::fprintf(stderr, "%s:%u: assertion failed: %s\n", where.file_name(), static_cast<unsigned>(where.line()), expression);
  std::abort();
}

/// A T, or the error that kept us from it. Reading the value of a failed Result is a programmer's error and aborts.
template <class T = void>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: conversion is the point
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  const T& value() const& { return check(), std::get<0>(state_); }
  T& value() & { return check(), std::get<0>(state_); }
  T&& value() && { return check(), std::get<0>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }
  T value_or(T other) const& { return ok() ? std::get<0>(state_) : std::move(other); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  void check() const {
    if (!ok()) assertion_failed(std::get<1>(state_).message.c_str());
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const {
    if (!ok()) assertion_failed(error_->message.c_str());
  }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace drover

#define DROVER_CAT_(a, b) a##b
#define DROVER_CAT(a, b) DROVER_CAT_(a, b)

/// A condition that only a programmer can break; checked in every build.
#define DROVER_ASSERT(...) ((__VA_ARGS__) ? static_cast<void>(0) : ::drover::assertion_failed(#__VA_ARGS__))

#define DROVER_TRY_WITH_(leave, result, ...)                     \
  do {                                                           \
    auto result = (__VA_ARGS__);                                 \
    if (!result.ok()) leave ::drover::Error(std::move(result).error()); \
  } while (false)
#define DROVER_LET_WITH_(leave, result, declaration, ...)        \
  auto result = (__VA_ARGS__);                                   \
  if (!result.ok()) leave ::drover::Error(std::move(result).error()); \
  declaration = std::move(result).value()

/// Runs an expression that gives a Result; returns its error from the enclosing function.
#define DROVER_TRY(...) DROVER_TRY_WITH_(return, DROVER_CAT(drover_result_, __LINE__), __VA_ARGS__)
/// `DROVER_LET(auto dirs, make_dirs(spec));` binds the value, or returns the error from the enclosing function.
#define DROVER_LET(declaration, ...) DROVER_LET_WITH_(return, DROVER_CAT(drover_result_, __LINE__), declaration, __VA_ARGS__)
/// The same in a coroutine.
#define DROVER_CO_TRY(...) DROVER_TRY_WITH_(co_return, DROVER_CAT(drover_result_, __LINE__), __VA_ARGS__)
#define DROVER_CO_LET(declaration, ...) \
  DROVER_LET_WITH_(co_return, DROVER_CAT(drover_result_, __LINE__), declaration, __VA_ARGS__)
