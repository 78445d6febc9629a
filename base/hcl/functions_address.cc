#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/hcl/functions_impl.h"

namespace drover::hcl::detail {
namespace {

using Bits = unsigned __int128;

/// An address range, "10.0.0.0/8"; addresses are numbers of 32 or 128 bits.
struct Prefix {
  bool is_v6 = false;
  Bits address = 0;
  int length = 0;

  int bits() const { return is_v6 ? 128 : 32; }
};

std::string address_text(bool is_v6, Bits address) {
  std::array<unsigned char, 16> bytes{};
  const std::size_t count = is_v6 ? 16 : 4;
  for (std::size_t i = 0; i < count; ++i) bytes[count - 1 - i] = static_cast<unsigned char>(address >> (8 * i));
  char out[INET6_ADDRSTRLEN];
  return inet_ntop(is_v6 ? AF_INET6 : AF_INET, bytes.data(), out, sizeof out) ? out : "";
}

Bits mask(const Prefix& prefix) { return prefix.length == 0 ? 0 : ~Bits{0} << (prefix.bits() - prefix.length); }

Result<Prefix> parse_prefix(const std::string& text) {
  const auto refuse = [&] { return fail(Code::invalid, "invalid CIDR expression: \"{}\" is no address with a prefix length, such as 10.0.0.0/8", text); };
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return refuse();
  const std::string address = text.substr(0, slash), length = text.substr(slash + 1);
  std::array<unsigned char, 16> bytes{};
  Prefix out;
  out.is_v6 = address.find(':') != std::string::npos;
  if (inet_pton(out.is_v6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data()) != 1) return refuse();
  if (length.empty() || length.size() > 3 || length.find_first_not_of("0123456789") != std::string::npos || (length.size() > 1 && length[0] == '0')) return refuse();
  out.length = std::stoi(length);
  if (out.length > out.bits()) return refuse();
  for (std::size_t i = 0; i < (out.is_v6 ? 16U : 4U); ++i) out.address = (out.address << 8) | bytes[i];
  out.address &= out.is_v6 ? mask(out) : mask(out) & 0xFFFFFFFF;
  return out;
}

/// A whole number of the argument that addresses count with: up to 128 bits matter, 64 are taken.
Result<std::int64_t> count_of(const Datum& datum) { return whole_number(datum); }

Result<Datum> cidrhost(const World&, Arguments a) {
  DROVER_LET(const Prefix prefix, parse_prefix(a[0].text()));
  DROVER_LET(const std::int64_t number, count_of(a[1]));
  const int host_bits = prefix.bits() - prefix.length;
  const Bits limit = host_bits >= 127 ? ~Bits{0} : Bits{1} << host_bits;
  const bool negative = number < 0;
  const Bits wanted = negative ? Bits(-static_cast<__int128>(number)) : Bits(number);
  if (negative ? wanted > limit : wanted >= limit) return fail(Code::invalid, "prefix of {} does not accommodate a host numbered {}", prefix.length, number);
  const Bits host = negative ? (host_bits >= 128 ? Bits(0) - wanted : limit - wanted) : wanted;
  return Datum(address_text(prefix.is_v6, prefix.address | host));
}

Result<Datum> cidrnetmask(const World&, Arguments a) {
  DROVER_LET(const Prefix prefix, parse_prefix(a[0].text()));
  if (prefix.is_v6) return fail(Code::invalid, "only IPv4 networks are supported");
  return Datum(address_text(false, mask(prefix)));
}

Result<std::string> subnet(const Prefix& prefix, std::int64_t new_bits, Bits number) {
  if (prefix.length + new_bits < 0) return fail(Code::invalid, "a prefix of {} bits cannot be shortened by {}", prefix.length, -new_bits);
  if (new_bits > 32) return fail(Code::invalid, "may not extend prefix by more than 32 bits");
  const int length = prefix.length + static_cast<int>(new_bits);
  if (length > prefix.bits()) return fail(Code::invalid, "insufficient address space to extend prefix of {} by {}", prefix.length, new_bits);
  if (number >= Bits{1} << std::max<std::int64_t>(new_bits, 0)) return fail(Code::invalid, "prefix extension of {} does not accommodate a subnet numbered {}", new_bits, static_cast<std::int64_t>(number));
  const int shift = prefix.bits() - length;
  const Bits address = shift >= 128 ? prefix.address : prefix.address | (number << shift);
  return address_text(prefix.is_v6, address) + "/" + std::to_string(length);
}

Result<Datum> cidrsubnet(const World&, Arguments a) {
  DROVER_LET(const Prefix prefix, parse_prefix(a[0].text()));
  DROVER_LET(const std::int64_t new_bits, count_of(a[1]));
  DROVER_LET(const std::int64_t number, count_of(a[2]));
  if (number < 0) return fail(Code::invalid, "the number of a subnet must not be negative");
  DROVER_LET(const std::string out, subnet(prefix, new_bits, static_cast<Bits>(number)));
  return Datum(out);
}

Result<Datum> cidrsubnets(const World&, Arguments a) {
  DROVER_LET(const Prefix prefix, parse_prefix(a[0].text()));
  Datum::List out;
  Bits next = prefix.address;
  const Bits end = prefix.length == 0 ? 0 : prefix.address + (Bits{1} << (prefix.bits() - prefix.length));
  for (const Datum& arg : a.subspan(1)) {
    DROVER_LET(const std::int64_t new_bits, count_of(arg));
    if (new_bits < 1) return fail(Code::invalid, "must extend prefix by at least one bit");
    if (new_bits > 32) return fail(Code::invalid, "may not extend prefix by more than 32 bits");
    const int length = prefix.length + static_cast<int>(new_bits);
    if (length > prefix.bits()) return fail(Code::invalid, "would extend prefix to {} bits, which is too long for an {} address", length, prefix.is_v6 ? "IPv6" : "IPv4");
    const Bits size = Bits{1} << (prefix.bits() - length);
    const Bits start = (next + size - 1) / size * size;
    if ((end != 0 && start + size > end) || start < prefix.address) return fail(Code::invalid, "not enough remaining address space for a subnet with a prefix of {} bits", length);
    out.push_back(Datum(address_text(prefix.is_v6, start) + "/" + std::to_string(length)));
    next = start + size;
  }
  return Datum::list(Kind::string, std::move(out));
}

}  // namespace

void add_address_functions(Functions& functions) {
  const Parameter prefix{"prefix", Kind::string};
  functions.add("cidrhost", {{prefix, {"hostnum", Kind::number}}, {}, &cidrhost});
  functions.add("cidrnetmask", {{prefix}, {}, &cidrnetmask});
  functions.add("cidrsubnet", {{prefix, {"newbits", Kind::number}, {"netnum", Kind::number}}, {}, &cidrsubnet});
  functions.add("cidrsubnets", {{prefix}, Parameter{"newbits", Kind::number}, &cidrsubnets});
}

}  // namespace drover::hcl::detail
