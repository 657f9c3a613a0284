#include <array>
#include <stdexcept>

#include <ringpost/tls/server_context.h>

#include "layer.h"
#include "library.h"

namespace ringpost::tls {

namespace {

// TLS 1.3 and 1.2 alike: AES first, for the CPU has it; ChaCha20 for clients whose CPU has not.
constexpr const char* suites =
    "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

void start_library() {
  static const int started = wolfSSL_Init();
  if (started != WOLFSSL_SUCCESS) throw std::runtime_error("wolfSSL does not start");
}

const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string library_error(int code) {
  std::array<char, WOLFSSL_MAX_ERROR_SZ> text{};
  wolfSSL_ERR_error_string_n(static_cast<unsigned long>(code), text.data(), text.size());
  return text.data();
}

struct ServerContext::Library {
  WOLFSSL_CTX* context = nullptr;
  ~Library() {
    if (context) wolfSSL_CTX_free(context);
  }
};

ServerContext::ServerContext(std::unique_ptr<Library> library) noexcept : library_(std::move(library)) {}
ServerContext::~ServerContext() = default;

std::expected<std::unique_ptr<ServerContext>, std::string> ServerContext::make(const ServerIdentity& identity,
                                                                               Version minimum) {
  start_library();
  auto library = std::make_unique<Library>();
  library->context = wolfSSL_CTX_new(wolfTLS_server_method());
  WOLFSSL_CTX* const context = library->context;
  if (!context) return std::unexpected("no memory for TLS");
  const auto failed = [](const char* what, int code) {
    return std::unexpected(std::string(what) + ": " + library_error(code));
  };
  int code = wolfSSL_CTX_SetMinVersion(context, minimum == Version::tls_1_3 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2);
  if (code != WOLFSSL_SUCCESS) return failed("the least TLS version", code);
  code = wolfSSL_CTX_set_cipher_list(context, suites);
  if (code != WOLFSSL_SUCCESS) return failed("the cipher suites", code);
  const std::array groups{WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1};
  for (const int group : groups) {
    code = wolfSSL_CTX_UseSupportedCurve(context, static_cast<word16>(group));
    if (code != WOLFSSL_SUCCESS) return failed("the groups", code);
  }
  code = wolfSSL_CTX_use_certificate_chain_buffer(context, octets_of(identity.chain_pem),
                                                  static_cast<long>(identity.chain_pem.size()));
  if (code != WOLFSSL_SUCCESS) return failed("the certificate chain", code);
  code = wolfSSL_CTX_use_PrivateKey_buffer(context, octets_of(identity.key_pem),
                                           static_cast<long>(identity.key_pem.size()), WOLFSSL_FILETYPE_PEM);
  if (code != WOLFSSL_SUCCESS) return failed("the key", code);
  code = wolfSSL_CTX_check_private_key(context);
  if (code != WOLFSSL_SUCCESS) return std::unexpected("the key does not belong to the certificate");
  wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, nullptr);
  wolfSSL_CTX_set_session_cache_mode(context, WOLFSSL_SESS_CACHE_OFF);
  Layer::hear_callbacks(context);
  return std::unique_ptr<ServerContext>(new ServerContext(std::move(library)));
}

std::unique_ptr<ring::SecureLayer> ServerContext::accept() const {
  WOLFSSL* const session = wolfSSL_new(library_->context);
  if (!session) return nullptr;
  return std::make_unique<Layer>(session);
}

}  // namespace ringpost::tls
