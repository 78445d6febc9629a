#include "base/http/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <cstdio>
#include <filesystem>

#include "base/http/client.h"
#include "base/http/test_server.h"

namespace drover::http {
namespace {

/// A folder with a self-signed certificate for 127.0.0.1 and its key.
class Certificate {
 public:
  Certificate() : folder_(text("/tmp/drover-tls-test-{}", ::getpid())) {
    std::filesystem::create_directory(folder_);
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    add(certificate, NID_subject_alt_name, "IP:127.0.0.1");
    add(certificate, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate, key, EVP_sha256());

    FILE* out = std::fopen(file().c_str(), "w");
    PEM_write_X509(out, certificate);
    std::fclose(out);
    out = std::fopen(key_file().c_str(), "w");
    PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~Certificate() { std::filesystem::remove_all(folder_); }

  std::string file() const { return folder_ + "/cert.pem"; }
  std::string key_file() const { return folder_ + "/key.pem"; }

 private:
  static void add(X509* certificate, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  std::string folder_;
};

Async<Response> echo(Request request) {
  Response response;
  response.body = request.body;
  co_return response;
}

std::string https(TestServer& server) { return "https://" + server.server().address(); }

TEST_CASE("requests and large bodies pass through TLS", "[http]") {
  const Certificate certificate;
  TestServer server(echo, {.tls = {.certificate = certificate.file(), .key = certificate.key_file()}});
  Client client({.address = https(server), .ca_file = certificate.file()});

  const std::string large(3'000'000, 'x');
  CHECK(client.put("/", "hello").value().body == "hello");
  CHECK(client.put("/", large).value().body == large);
}

TEST_CASE("a client that does not know the certificate's issuer refuses it", "[http]") {
  const Certificate certificate;
  TestServer server(echo, {.tls = {.certificate = certificate.file(), .key = certificate.key_file()}});

  CHECK(Client({.address = https(server)}).get("/").error().code == Code::unavailable);
  CHECK(Client({.address = https(server), .verify = false}).get("/").ok());
}

TEST_CASE("a server that wants certificates turns away clients without one", "[http]") {
  const Certificate certificate;
  TestServer server(echo, {.tls = {.certificate = certificate.file(), .key = certificate.key_file(), .ca = certificate.file(),
                                   .verify_clients = true}});

  CHECK_FALSE(Client({.address = https(server), .ca_file = certificate.file()}).get("/").ok());
  ClientOptions options;
  options.address = https(server);
  options.ca_file = certificate.file();
  options.certificate_file = certificate.file();
  options.key_file = certificate.key_file();
  CHECK(Client(options).get("/").ok());
}

TEST_CASE("plain HTTP on a TLS address ends the connection and nothing else", "[http]") {
  const Certificate certificate;
  TestServer server(echo, {.tls = {.certificate = certificate.file(), .key = certificate.key_file()}});
  RawClient plain(server);
  plain.send("GET / HTTP/1.1\r\n\r\n");

  CHECK(plain.read_all().find("HTTP/1.1 200") == std::string::npos);
  CHECK(Client({.address = https(server), .ca_file = certificate.file()}).get("/").ok());
}

TEST_CASE("a certificate that cannot be read is named", "[http]") {
  const Result<std::shared_ptr<const TlsContext>> loaded = TlsContext::load({.certificate = "/nonexistent/cert.pem", .key = "x"});

  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().message.find("cannot use the certificate '/nonexistent/cert.pem'") == 0);
}

}  // namespace
}  // namespace drover::http
