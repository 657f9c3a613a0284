#include "peer.h"

#include <array>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdexcept>

namespace ringpost::tls {

namespace {

std::string taken_from(BIO* memory) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory, &text);
  std::string octets(text, static_cast<std::size_t>(size));
  BIO_free(memory);
  return octets;
}

MadeIdentity identity_for(EVP_PKEY* key) {
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_NAME* const name = X509_get_subject_name(certificate);
  const auto* common = reinterpret_cast<const unsigned char*>("mail.example.test");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_set_pubkey(certificate, key);
  if (X509_sign(certificate, key, EVP_sha256()) == 0) throw std::runtime_error("no certificate");
  BIO* const chain = BIO_new(BIO_s_mem());
  BIO* const secret = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(chain, certificate);
  PEM_write_bio_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {taken_from(chain), taken_from(secret)};
}

}  // namespace

MadeIdentity make_ec_identity() {
  return identity_for(EVP_EC_gen("P-256"));
}
MadeIdentity make_rsa_identity() {
  return identity_for(EVP_RSA_gen(2048));
}

OpensslClient::OpensslClient(int lowest, int highest)
    : context_(SSL_CTX_new(TLS_client_method())),
      session_(nullptr),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())) {
  SSL_CTX_set_security_level(context_, 0);
  SSL_CTX_set_min_proto_version(context_, lowest);
  SSL_CTX_set_max_proto_version(context_, highest);
  session_ = SSL_new(context_);
  SSL_set_bio(session_, in_, out_);
  SSL_set_connect_state(session_);
}

OpensslClient::~OpensslClient() {
  SSL_free(session_);
  SSL_CTX_free(context_);
}

bool OpensslClient::shake_hands() {
  const int done = SSL_do_handshake(session_);
  if (done == 1) return true;
  if (SSL_get_error(session_, done) != SSL_ERROR_WANT_READ) failed_ = true;
  return false;
}

void OpensslClient::write(std::string_view plain) {
  if (SSL_write(session_, plain.data(), static_cast<int>(plain.size())) != static_cast<int>(plain.size()))
    failed_ = true;
}

std::string OpensslClient::read() {
  std::string plain;
  std::array<char, 4096> part{};
  int got = 0;
  while ((got = SSL_read(session_, part.data(), static_cast<int>(part.size()))) > 0)
    plain.append(part.data(), static_cast<std::size_t>(got));
  const int why = SSL_get_error(session_, got);
  if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_ZERO_RETURN) failed_ = true;
  return plain;
}

std::string OpensslClient::wire_out() {
  char* text = nullptr;
  const long size = BIO_get_mem_data(out_, &text);
  std::string octets(text, static_cast<std::size_t>(size));
  BIO_reset(out_);
  return octets;
}

void OpensslClient::wire_in(Octets octets) {
  BIO_write(in_, octets.data(), static_cast<int>(octets.size()));
}

}  // namespace ringpost::tls
