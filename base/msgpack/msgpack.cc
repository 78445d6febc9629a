#include "base/msgpack/msgpack.h"

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <utility>

namespace drover::msgpack {
namespace {

void put(std::string& out, std::uint8_t tag) { out.push_back(static_cast<char>(tag)); }

template <std::unsigned_integral T>
void put_big_endian(std::string& out, T number) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    put(out, static_cast<std::uint8_t>(number >> shift));
  }
}

void put_non_negative(std::string& out, std::uint64_t number) {
  if (number < 0x80) return put(out, static_cast<std::uint8_t>(number));
  if (number <= 0xff) return put(out, 0xcc), put(out, static_cast<std::uint8_t>(number));
  if (number <= 0xffff) return put(out, 0xcd), put_big_endian(out, static_cast<std::uint16_t>(number));
  if (number <= 0xffffffff) return put(out, 0xce), put_big_endian(out, static_cast<std::uint32_t>(number));
  put(out, 0xcf);
  put_big_endian(out, number);
}

void put_integer(std::string& out, std::int64_t number) {
  if (number >= 0) return put_non_negative(out, static_cast<std::uint64_t>(number));
  const auto bits = static_cast<std::uint64_t>(number);
  if (number >= -32) return put(out, static_cast<std::uint8_t>(bits));
  if (number >= -0x80) return put(out, 0xd0), put(out, static_cast<std::uint8_t>(bits));
  if (number >= -0x8000) return put(out, 0xd1), put_big_endian(out, static_cast<std::uint16_t>(bits));
  if (number >= -0x80000000LL) return put(out, 0xd2), put_big_endian(out, static_cast<std::uint32_t>(bits));
  put(out, 0xd3);
  put_big_endian(out, bits);
}

void put_text(std::string& out, std::string_view text) {
  const std::size_t size = text.size();
  if (size < 32) {
    put(out, static_cast<std::uint8_t>(0xa0 | size));
  } else if (size <= 0xff) {
    put(out, 0xd9), put(out, static_cast<std::uint8_t>(size));
  } else if (size <= 0xffff) {
    put(out, 0xda), put_big_endian(out, static_cast<std::uint16_t>(size));
  } else {
    put(out, 0xdb), put_big_endian(out, static_cast<std::uint32_t>(size));
  }
  out.append(text);
}

/// The head of an array or map; `fix` is the tag of the short form, `wide` that of the 16-bit one.
void put_head(std::string& out, std::size_t size, std::uint8_t fix, std::uint8_t wide) {
  if (size < 16) return put(out, static_cast<std::uint8_t>(fix | size));
  if (size <= 0xffff) return put(out, wide), put_big_endian(out, static_cast<std::uint16_t>(size));
  put(out, static_cast<std::uint8_t>(wide + 1));
  put_big_endian(out, static_cast<std::uint32_t>(size));
}

void put_value(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: return put(out, 0xc0);
    case Value::Kind::boolean: return put(out, value.boolean() ? 0xc3 : 0xc2);
    case Value::Kind::integer: return put_integer(out, value.integer());
    case Value::Kind::real: return put(out, 0xcb), put_big_endian(out, std::bit_cast<std::uint64_t>(value.real()));
    case Value::Kind::text: return put_text(out, value.text());
    case Value::Kind::list:
      put_head(out, value.items().size(), 0x90, 0xdc);
      for (const Value& item : value.items()) put_value(out, item);
      return;
    case Value::Kind::map:
      put_head(out, value.members().size(), 0x80, 0xde);
      for (const auto& [key, member] : value.members()) put_text(out, key), put_value(out, member);
      return;
  }
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return at_ == bytes_.size(); }
  std::size_t place() const { return at_; }

  Result<Value> value(int depth) {
    if (depth > depth_max) return error("nested deeper than {}", depth_max);
    DROVER_LET(const std::uint8_t tag, number<std::uint8_t>());
    if (tag < 0x80) return Value(std::int64_t{tag});
    if (tag >= 0xe0) return Value(std::int64_t{static_cast<std::int8_t>(tag)});
    if (tag < 0x90) return map(tag & 0x0fu, depth);
    if (tag < 0xa0) return list(tag & 0x0fu, depth);
    if (tag < 0xc0) return text(tag & 0x1fu);
    return tagged(tag, depth);
  }

 private:
  template <class... Args>
  Error error(std::string_view format, const Args&... args) const {
    return fail(Code::invalid, "msgpack at byte {}: {}", at_, drover::text(format, args...));
  }

  template <std::unsigned_integral T>
  Result<T> number() {
    if (bytes_.size() - at_ < sizeof(T)) return error("the data ends too early");
    std::uint64_t read = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) read = (read << 8) | static_cast<std::uint8_t>(bytes_[at_++]);
    return static_cast<T>(read);
  }

  template <std::signed_integral T>
  Result<Value> signed_value() {
    DROVER_LET(const auto bits, number<std::make_unsigned_t<T>>());
    return Value(std::int64_t{static_cast<T>(bits)});
  }

  template <std::unsigned_integral T>
  Result<Value> unsigned_value() {
    DROVER_LET(const std::uint64_t read, number<T>());
    if (read > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return Value(std::to_string(read));
    return Value(static_cast<std::int64_t>(read));
  }

  template <std::unsigned_integral T>
  Result<Value> sized_text() {
    DROVER_LET(const T size, number<T>());
    return text(size);
  }

  template <std::unsigned_integral T>
  Result<Value> sized_list(int depth) {
    DROVER_LET(const T size, number<T>());
    return list(size, depth);
  }

  template <std::unsigned_integral T>
  Result<Value> sized_map(int depth) {
    DROVER_LET(const T size, number<T>());
    return map(size, depth);
  }

  Result<Value> tagged(std::uint8_t tag, int depth) {
    switch (tag) {
      case 0xc0: return Value();
      case 0xc2: return Value(false);
      case 0xc3: return Value(true);
      case 0xc4: case 0xd9: return sized_text<std::uint8_t>();
      case 0xc5: case 0xda: return sized_text<std::uint16_t>();
      case 0xc6: case 0xdb: return sized_text<std::uint32_t>();
      case 0xca: {
        DROVER_LET(const auto bits, number<std::uint32_t>());
        return Value(static_cast<double>(std::bit_cast<float>(bits)));
      }
      case 0xcb: {
        DROVER_LET(const auto bits, number<std::uint64_t>());
        return Value(std::bit_cast<double>(bits));
      }
      case 0xcc: return unsigned_value<std::uint8_t>();
      case 0xcd: return unsigned_value<std::uint16_t>();
      case 0xce: return unsigned_value<std::uint32_t>();
      case 0xcf: return unsigned_value<std::uint64_t>();
      case 0xd0: return signed_value<std::int8_t>();
      case 0xd1: return signed_value<std::int16_t>();
      case 0xd2: return signed_value<std::int32_t>();
      case 0xd3: return signed_value<std::int64_t>();
      case 0xdc: return sized_list<std::uint16_t>(depth);
      case 0xdd: return sized_list<std::uint32_t>(depth);
      case 0xde: return sized_map<std::uint16_t>(depth);
      case 0xdf: return sized_map<std::uint32_t>(depth);
      default: return error("a kind of value that configurations do not have (tag {})", tag);
    }
  }

  Result<Value> text(std::size_t size) {
    if (bytes_.size() - at_ < size) return error("the data ends too early");
    Value read(bytes_.substr(at_, size));
    at_ += size;
    return read;
  }

  // Sizes are not trusted: every element takes a byte at least, and nothing is reserved in advance.
  Result<Value> list(std::size_t size, int depth) {
    Value::List items;
    for (std::size_t i = 0; i < size; ++i) {
      DROVER_LET(Value item, value(depth + 1));
      items.push_back(std::move(item));
    }
    return Value(std::move(items));
  }

  Result<Value> map(std::size_t size, int depth) {
    Value::Map members;
    for (std::size_t i = 0; i < size; ++i) {
      DROVER_LET(Value key, value(depth + 1));
      if (!key.is_text()) return error("a map key is a {}, not a string", to_text(key.kind()));
      DROVER_LET(Value member, value(depth + 1));
      members.emplace_back(std::move(key).text(), std::move(member));
    }
    return Value(std::move(members));
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::string encode(const Value& value) {
  std::string out;
  put_value(out, value);
  return out;
}

Result<Value> decode(std::string_view bytes) {
  if (bytes.size() > size_max) return fail(Code::exhausted, "msgpack: more than {} bytes", size_max);
  Reader reader(bytes);
  DROVER_LET(Value value, reader.value(0));
  if (!reader.at_end()) return fail(Code::invalid, "msgpack at byte {}: more data after the value", reader.place());
  return value;
}

}  // namespace drover::msgpack
