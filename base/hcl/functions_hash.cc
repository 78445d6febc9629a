#include <algorithm>

#include <crypt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/hcl/convert.h"
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

/// Also `{…}`, `urn:uuid:…` and 32 digits without dashes.
std::string plain_uuid(std::string_view text) {
  if (text.starts_with("urn:uuid:")) text.remove_prefix(9);
  if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
  std::string out(text);
  if (out.size() == 32)
    for (const std::size_t at : {20, 16, 12, 8}) out.insert(at, "-");
  return out;
}

/// Names within a name space, as RFC 4122 has it.
Result<Datum> uuidv5(const World&, Arguments a) {
  static constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"dns", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}, {"url", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"},
      {"oid", "6ba7b812-9dad-11d1-80b4-00c04fd430c8"}, {"x500", "6ba7b814-9dad-11d1-80b4-00c04fd430c8"}};
  std::string_view written = a[0].text();
  for (const auto& [name, id] : known)
    if (written == name) written = id;
  const Uuid space = parse_uuid(plain_uuid(written));
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

constexpr std::int64_t bcrypt_cost_min = 4, bcrypt_cost_max = 31, bcrypt_cost_default = 10;
/// Beyond this a single job file would keep its reader busy for minutes.
constexpr std::int64_t bcrypt_cost_allowed = 14;

Result<Datum> bcrypt(const World& world, Arguments a) {
  if (!world.random) return fail(Code::denied, "no randomness is available here");
  if (a.size() > 2) return fail(Code::invalid, "bcrypt takes a text and, if wanted, a cost");
  std::int64_t cost = bcrypt_cost_default;
  if (a.size() == 2) {
    DROVER_LET(const Datum number, convert(a[1], Kind::number));
    DROVER_LET(cost, whole_number(number));
  }
  if (cost < bcrypt_cost_min || cost > bcrypt_cost_max) return fail(Code::invalid, "cost {} is outside allowed inclusive range {}..{}", cost, bcrypt_cost_min, bcrypt_cost_max);
  if (cost > bcrypt_cost_allowed) return fail(Code::exhausted, "cost {} would take too long; at most {} is allowed", cost, bcrypt_cost_allowed);
  if (a[0].text().size() > 72) return fail(Code::invalid, "bcrypt takes 72 bytes at most");
  static constexpr std::string_view letters = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string setting = "$2a$" + std::string(cost < 10 ? "0" : "") + std::to_string(cost) + "$";
  for (int i = 0; i < 21; ++i) setting.push_back(letters[world.random->below(64)]);
  setting.push_back(letters[world.random->below(4) * 16]);  // of the last letter two bits count
  auto state = std::make_unique<crypt_data>();
  const char* out = crypt_r(a[0].text().c_str(), setting.c_str(), state.get());
  if (!out || out[0] == '*') return fail(Code::unsupported, "this machine's crypt library has no bcrypt");
  return Datum(out);
}

Result<Datum> rsadecrypt(const World&, Arguments a) {
  const std::optional<std::string> cipher = from_base64(a[0].text());
  if (!cipher) return fail(Code::invalid, "the cipher text must be base64-encoded");
  const std::string& pem = a[1].text();
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr), &EVP_PKEY_free);
  if (!key) return fail(Code::invalid, "no key found: a PEM text of an unencrypted RSA key is required");
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new(key.get(), nullptr), &EVP_PKEY_CTX_free);
  std::size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(cipher->data());
  if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 || EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
      EVP_PKEY_decrypt(context.get(), nullptr, &size, bytes, cipher->size()) != 1)
    return fail(Code::invalid, "the key is no RSA key");
  std::string out(size, '\0');
  if (EVP_PKEY_decrypt(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes, cipher->size()) != 1)
    return fail(Code::invalid, "failed to decrypt: the text was not encrypted for this key");
  out.resize(size);
  return Datum(out);
}

}  // namespace

void add_hash_functions(Functions& functions) {
  const Parameter string{"str", Kind::string};
  functions.add("md5", {{string}, {}, &hash<&EVP_md5>});
  functions.add("sha1", {{string}, {}, &hash<&EVP_sha1>});
  functions.add("sha256", {{string}, {}, &hash<&EVP_sha256>});
  functions.add("sha512", {{string}, {}, &hash<&EVP_sha512>});
  functions.add("bcrypt", {{string}, Parameter{"cost", Kind::number}, &bcrypt});
  functions.add("rsadecrypt", {{{"ciphertext", Kind::string}, {"privatekey", Kind::string}}, {}, &rsadecrypt});
  functions.add("uuidv4", {{}, {}, &uuidv4});
  functions.add("uuidv5", {{{"namespace", Kind::string}, {"name", Kind::string}}, {}, &uuidv5});
}

}  // namespace drover::hcl::detail
