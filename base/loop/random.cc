#include "base/loop/random.h"

#include <drover/result.h>
#include <sys/random.h>

#include <bit>
#include <cerrno>

namespace drover {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

bool dash_after(std::size_t byte) { return byte == 3 || byte == 5 || byte == 7 || byte == 9; }

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

std::string to_text(const Uuid& id) {
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    text.push_back(hex_digits[id.bytes[i] >> 4]);
    text.push_back(hex_digits[id.bytes[i] & 15]);
    if (dash_after(i)) text.push_back('-');
  }
  return text;
}

Uuid parse_uuid(std::string_view text) {
  if (text.size() != 36) return {};
  Uuid id;
  std::size_t at = 0;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = hex_value(text[at]);
    const int low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return {};
    id.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
    at += 2;
    if (dash_after(i) && text[at++] != '-') return {};
  }
  return id;
}

std::uint64_t Random::below(std::uint64_t bound) {
  DROVER_ASSERT(bound > 0);
  // Values under `rest` would make some results likelier than others: drawn again.
  const std::uint64_t rest = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t value = next();
    if (value >= rest) return value % bound;
  }
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

Uuid Random::uuid() {
  Uuid id;
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint64_t value = next();
    for (std::size_t i = 0; i < 8; ++i) id.bytes[half * 8 + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

std::uint64_t RealRandom::next() {
  std::uint64_t value = 0;
  while (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) DROVER_ASSERT(errno == EINTR);
  return value;
}

SeededRandom::SeededRandom(std::uint64_t seed) {
  // splitmix64 spreads the seed over the state; it never gives four zeros.
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    word = mixed ^ (mixed >> 31);
  }
}

std::uint64_t SeededRandom::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

}  // namespace drover
