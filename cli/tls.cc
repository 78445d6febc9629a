#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <unistd.h>

#include "cli/command.h"
#include "cli/output.h"

namespace drover::cli {
namespace {

constexpr int days_default = 365, days_ca = 1825;
constexpr long day_s = 86400;

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* p) const { Free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;

/// What is asked of a certificate.
struct Wanted {
  std::string name;             ///< common name
  std::string alternatives;     ///< "DNS:localhost,IP:127.0.0.1"; "" for none
  std::string usage;            ///< extended key usage; "" for none
  bool is_authority = false;
  int days = days_default;
};

struct Pair {
  Key key;
  Certificate certificate;
};

Result<void> extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (!extension) return fail(Code::invalid, "make certificate: cannot use '{}'", value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  return {};
}

/// A P-256 key and its certificate, signed by `issuer` or by itself.
Result<Pair> make(const Wanted& wanted, const Pair* issuer) {
  Pair pair{Key(EVP_EC_gen("P-256")), Certificate(X509_new())};
  std::uint64_t serial = 0;
  if (!pair.key || !pair.certificate || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1)
    return fail(Code::internal, "make certificate: openssl cannot make a key");
  X509* certificate = pair.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), wanted.days * day_s);
  X509_set_pubkey(certificate, pair.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(wanted.name.c_str()), -1, -1, 0);
  X509* signer = issuer ? issuer->certificate.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  DROVER_TRY(extend(certificate, signer, NID_basic_constraints, wanted.is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE"));
  DROVER_TRY(extend(certificate, signer, NID_key_usage, wanted.is_authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"));
  if (!wanted.usage.empty()) DROVER_TRY(extend(certificate, signer, NID_ext_key_usage, wanted.usage));
  if (!wanted.alternatives.empty()) DROVER_TRY(extend(certificate, signer, NID_subject_alt_name, wanted.alternatives));
  if (X509_sign(certificate, issuer ? issuer->key.get() : pair.key.get(), EVP_sha256()) == 0) return fail(Code::internal, "make certificate: openssl cannot sign it");
  return pair;
}

/// Writes a new file; what exists is never replaced.
Result<void> write_new(const std::filesystem::path& path, mode_t mode, const std::function<int(BIO*)>& write) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return fail(Code::conflict, "write {}: {}", path.string(), errno == EEXIST ? "it exists already and is not replaced" : std::strerror(errno));
  BIO* bio = BIO_new_fd(fd, BIO_CLOSE);
  const bool written = write(bio) == 1;
  const bool synced = fsync(fd) == 0;
  BIO_free(bio);
  if (!written || !synced) return fail(Code::internal, "write {}: it could not be written whole", path.string());
  return {};
}

Result<void> save(const Pair& pair, const std::filesystem::path& folder, const std::string& name) {
  DROVER_TRY(write_new(folder / (name + "-key.pem"), 0600, [&pair](BIO* bio) { return PEM_write_bio_PrivateKey(bio, pair.key.get(), nullptr, nullptr, 0, nullptr, nullptr); }));
  return write_new(folder / (name + ".pem"), 0644, [&pair](BIO* bio) { return PEM_write_bio_X509(bio, pair.certificate.get()); });
}

Result<std::string> make_all(Context& context) {
  const std::filesystem::path folder = context.flags.text("dir", ".");
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return fail(Code::denied, "make {}: {}", folder.string(), problem.message());
  const std::string region = context.flags.text("region", "global");
  const int days = std::atoi(context.flags.text("days", std::to_string(days_default)).c_str());
  if (days < 1) return fail(Code::invalid, "-days: expected a number of days, found '{}'", context.flags.text("days"));
  std::string more;
  for (const std::string& name : context.flags.all("additional-dnsname")) more += ",DNS:" + name;
  for (const std::string& address : context.flags.all("additional-ipaddress")) more += ",IP:" + address;

  DROVER_LET(const Pair ca, make({.name = "drover agent CA", .is_authority = true, .days = days_ca}, nullptr));
  DROVER_TRY(save(ca, folder, "ca"));
  for (const auto* role : {"server", "client"}) {
    const std::string name = text("{}.{}.nomad", role, region);
    const Wanted wanted{.name = name, .alternatives = "DNS:" + name + ",DNS:localhost,IP:127.0.0.1" + more, .usage = "serverAuth,clientAuth", .days = days};
    DROVER_LET(const Pair pair, make(wanted, &ca));
    DROVER_TRY(save(pair, folder, role));
  }
  return folder.string();
}

int tls_init(Context& context) {
  auto folder = make_all(context);
  if (!folder.ok()) return failed("Error making certificates", folder.error());
  out(fmt::format("Written to {0}: ca.pem, server.pem and client.pem, each with its -key.pem\n\nIn a server's configuration:\n\n  tls {{\n    rpc       = true\n"
                  "    ca_file   = \"{0}/ca.pem\"\n    cert_file = \"{0}/server.pem\"\n    key_file  = \"{0}/server-key.pem\"\n  }}\n\n"
                  "and the same with client.pem on agents. Keep ca-key.pem off the machines.",
                  std::filesystem::absolute(*folder).string()));
  return 0;
}

}  // namespace

void add_tls_commands(std::vector<Command>& rows) {
  rows.push_back({"tls init", "", "makes a certificate authority and certificates for servers and agents", "drover tls init -dir /etc/drover/tls -additional-ipaddress 10.0.0.1",
                  {{"dir", "<folder>", "where to write them (the current folder)"}, {"region", "<name>", "the region (global)"}, {"days", "<n>", "how long certificates are valid (365)"},
                   {"additional-dnsname", "<name>", "one more name of the machines; repeatable"}, {"additional-ipaddress", "<address>", "one more address of the machines; repeatable"}},
                  tls_init, 0, 0});
}

}  // namespace drover::cli
