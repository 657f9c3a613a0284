// ringpost/accounts/plain.h: the SASL mechanism PLAIN (RFC 4616): base64 of authzid NUL authcid NUL password.
//
// Pure, any thread. What it takes in is a credential: the decoded text is wiped here, the caller wipes its buffer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <ringpost/accounts/secret.h>

namespace ringpost::accounts {

struct PlainCredentials {
  std::string authorization;   // whose maildrop; empty: the name's own
  std::string authentication;  // who says so; never empty
  Secret password;             // may be empty: the authenticator refuses it
};

// Nothing: not strict base64 (A010), not just two NULs, or an empty authcid (A018).
std::optional<PlainCredentials> decode_plain(std::string_view base64);

}  // namespace ringpost::accounts
