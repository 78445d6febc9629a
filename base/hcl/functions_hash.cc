#include <openssl/evp.h>

#include "base/hcl/functions_impl.h"
#include "base/loop/random.h"

namespace drover::hcl::detail {
namespace {

std::string digest(const EVP_MD* kind, std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out, &size, kind, nullptr) != 1) return {};
  return std::string(reinterpret_cast<const char*>(out), size);
}

std::string hexadecimal(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.append({"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]});
  }
  return out;
}

template <const EVP_MD* (*kind)()>
Result<Datum> hash(const World&, Arguments a) {
  const std::string bytes = digest(kind(), a[0].text());
  if (bytes.empty()) return fail(Code::unsupported, "this hash is switched off in the cryptographic library of this machine");
  return Datum(hexadecimal(bytes));
}

Result<Datum> uuidv4(const World& world, Arguments) {
  if (!world.random) return fail(Code::denied, "no randomness is available here");
  return Datum(to_text(world.random->uuid()));
}

/// Names within a name space, as RFC 4122 has it.
Result<Datum> uuidv5(const World&, Arguments a) {
  static constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"dns", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}, {"url", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"},
      {"oid", "6ba7b812-9dad-11d1-80b4-00c04fd430c8"}, {"x500", "6ba7b814-9dad-11d1-80b4-00c04fd430c8"}};
  std::string_view written = a[0].text();
  for (const auto& [name, id] : known)
    if (written == name) written = id;
  const Uuid space = parse_uuid(written);
  if (space.is_nil()) return fail(Code::invalid, "uuidv5() doesn't support namespace {}: it must be dns, url, oid, x500 or a UUID", a[0].text());
  std::string bytes(reinterpret_cast<const char*>(space.bytes.data()), space.bytes.size());
  const std::string sum = digest(EVP_sha1(), bytes + a[1].text());
  if (sum.size() < 16) return fail(Code::unsupported, "SHA-1 is switched off in the cryptographic library of this machine");
  Uuid out;
  for (std::size_t i = 0; i < 16; ++i) out.bytes[i] = static_cast<std::uint8_t>(sum[i]);
  out.bytes[6] = static_cast<std::uint8_t>((out.bytes[6] & 0x0F) | 0x50);
  out.bytes[8] = static_cast<std::uint8_t>((out.bytes[8] & 0x3F) | 0x80);
  return Datum(to_text(out));
}

}  // namespace

void add_hash_functions(Functions& functions) {
  const Parameter string{"str", Kind::string};
  functions.add("md5", {{string}, {}, &hash<&EVP_md5>});
  functions.add("sha1", {{string}, {}, &hash<&EVP_sha1>});
  functions.add("sha256", {{string}, {}, &hash<&EVP_sha256>});
  functions.add("sha512", {{string}, {}, &hash<&EVP_sha512>});
  functions.add("uuidv4", {{}, {}, &uuidv4});
  functions.add("uuidv5", {{{"namespace", Kind::string}, {"name", Kind::string}}, {}, &uuidv5});
}

}  // namespace drover::hcl::detail
