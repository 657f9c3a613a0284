// ringpost/tls/server_context.h: what a virtual server shows and accepts when a client begins TLS: its certificate,
// versions and suites (RFC 8446, 5246; RFC 9325 for what is left out).
//
// TLS 1.2 and 1.3, AEAD suites with forward secrecy, X25519 and P-256, in the server's order; no renegotiation, no
// compression, no early data. Owner: a core has a context of its own for each virtual server, because the library
// counts the sessions of a context. Immutable once made; it outlives its layers. Made off the core: it reads and checks
// keys.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <ringpost/ring/secure_layer.h>

namespace ringpost::tls {

enum class Version : std::uint8_t { tls_1_2, tls_1_3 };

struct ServerIdentity {
  std::string_view chain_pem;  // the certificate first, then what leads to its root
  std::string_view key_pem;    // without a pass phrase; not kept as text
};

class ServerContext {
 public:
  // Error: what is wrong, in words, without anything of the key.
  static std::expected<std::unique_ptr<ServerContext>, std::string> make(const ServerIdentity&, Version minimum);
  ~ServerContext();
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;

  // The server's side of a new session. nullptr: no memory.
  std::unique_ptr<ring::SecureLayer> accept() const;

 private:
  struct Library;
  explicit ServerContext(std::unique_ptr<Library>) noexcept;
  std::unique_ptr<Library> library_;
};

// The most that a peer may send before its handshake is done: a ClientHello with room for large key shares, and the
// records behind it.
inline constexpr std::uint64_t handshake_octets_max = 64 << 10;

}  // namespace ringpost::tls
