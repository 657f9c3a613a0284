// accounts/argon2id.h: checking a password against what argon2id wrote, in memory that the calling thread keeps.
//
// A login's hash takes tens of MiB. Had from the system and given back each time, they change the process's address
// space, and a core that maps a maildrop's log meanwhile waits for that. Blocking: for a pool's threads.
#pragma once

#include <string_view>

#include <ringpost/accounts/password_scheme.h>

namespace ringpost::accounts {

// `encoded`: $argon2id$v=19$m=19456,t=2,p=1$salt$hash.
SchemeCheck blocking_check_argon2id(std::string_view encoded, std::string_view password);

}  // namespace ringpost::accounts
