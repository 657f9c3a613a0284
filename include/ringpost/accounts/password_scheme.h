// ringpost/accounts/password_scheme.h: stored secrets: `{SCHEME}data`, or crypt's `$...$` without a scheme.
//
// Made by us: {ARGON2ID}. Taken over as they are: what libcrypt knows (yescrypt, sha512-crypt, sha256-crypt, bcrypt;
// as {CRYPT}, under their own names, or without a scheme), {SSHA}, {SSHA256}, {SSHA512}, {PLAIN}. Checking costs what
// the scheme asks, so it is a pool's work. Threads: any; nothing is kept between calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringpost::accounts {

enum class SchemeCheck : std::uint8_t { fits, differs, broken };

// Is `password` the one that `stored` was made of? `broken`: the stored secret cannot be used (unknown scheme, damaged
// data, no memory): a fault of ours, never of the one who asks (E007).
SchemeCheck blocking_check_secret(std::string_view stored, std::string_view password);

// Can `stored` be used at all? nullptr: yes; else what is wrong, without a word of the secret itself.
const char* fault_of_secret(std::string_view stored);

// The schemes fault_of_secret() takes, for an error's advice.
extern const char* const schemes_known;

struct Argon2Cost {
  std::uint32_t memory_kib = 19456;
  std::uint32_t passes = 2;
};

// `{ARGON2ID}$argon2id$...`; `salt` is 16 random octets. Empty: not enough memory, or a cost that argon2 refuses.
std::string blocking_make_argon2id(std::string_view password, const Argon2Cost&, std::string_view salt);

}  // namespace ringpost::accounts
