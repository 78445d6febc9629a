#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace drover {

/// 128 bits that name something. Text form: 8-4-4-4-12 hexadecimal digits.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  bool is_nil() const { return *this == Uuid{}; }
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

std::string to_text(const Uuid& id);
/// Nil when the text is not a UUID.
Uuid parse_uuid(std::string_view text);

/// Where randomness comes from. RealRandom draws from the kernel; SeededRandom repeats for one seed. One thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();
  /// A version 4 UUID.
  Uuid uuid();
};

/// From the kernel's generator.
class RealRandom final : public Random {
 public:
  std::uint64_t next() override;
};

/// xoshiro256** from a seed: the same in every run and on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace drover
