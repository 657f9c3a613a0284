// library.h: wolfSSL's headers, as it was built.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#pragma GCC diagnostic pop

#include <string>

namespace ringpost::tls {

// In words.
std::string library_error(int code);

}  // namespace ringpost::tls
