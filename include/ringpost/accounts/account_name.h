// ringpost/accounts/account_name.h: which names an account may bear, and the one spelling that the store knows.
//
// Pure, any thread. Any valid local part or address, UTF-8 included; no control octets, and no colon, which ends the
// name in the accounts file. The store percent-encodes what a folder's name cannot hold; what becomes longer than 200
// octets there is refused wherever accounts are made or asked for (DESIGN 4).
#pragma once

#include <string>
#include <string_view>

namespace ringpost::accounts {

inline constexpr std::size_t encoded_name_octets_max = 200;

// nullptr: the name may be used; else what is wrong with it.
const char* fault_of_name(std::string_view name);

// With `fold_case` ASCII letters become small; anything else stays. What `user add`, import and login all go through.
std::string canonical_name(std::string_view name, bool fold_case);

}  // namespace ringpost::accounts
