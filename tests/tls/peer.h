// tests/tls/peer.h: the other side: a client by OpenSSL, in memory, and an authority that makes certificates for it.
#pragma once

#include <cstddef>
#include <memory>
#include <openssl/ssl.h>
#include <string>

#include <ringpost/base/octets.h>

namespace ringpost::tls {

struct MadeIdentity {
  std::string chain_pem;
  std::string key_pem;
};

// A self-signed certificate for "mail.example.test".
MadeIdentity make_ec_identity();
MadeIdentity make_rsa_identity();

class OpensslClient {
 public:
  // Versions as OpenSSL names them: TLS1_2_VERSION and so on.
  explicit OpensslClient(int lowest = TLS1_2_VERSION, int highest = TLS1_3_VERSION);
  ~OpensslClient();
  OpensslClient(const OpensslClient&) = delete;
  OpensslClient& operator=(const OpensslClient&) = delete;

  // One step. true: done.
  bool shake_hands();
  bool failed() const noexcept { return failed_; }
  void write(std::string_view plain);
  std::string read();
  void say_good_bye() { SSL_shutdown(session_); }
  bool heard_good_bye() const { return (SSL_get_shutdown(session_) & SSL_RECEIVED_SHUTDOWN) != 0; }

  std::string wire_out();  // what it wants sent
  void wire_in(Octets octets);

 private:
  SSL_CTX* context_;
  SSL* session_;
  BIO* in_;
  BIO* out_;
  bool failed_ = false;
};

}  // namespace ringpost::tls
