// ringpost/accounts/base64.h: base64 as RFC 4648 section 4 and RFC 5034 want it, strictly (A010).
//
// Pure, any thread. Refused: a foreign character, `=` anywhere but at the end, a length that is no multiple of four,
// bits behind the last octet that are not zero (two texts would mean the same).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringpost::accounts {

std::optional<std::string> decode_base64(std::string_view text);

// What password files hold is written by many hands: padding may be missing there.
std::optional<std::string> decode_base64_unpadded(std::string_view text);

std::string encode_base64(std::string_view octets);

}  // namespace ringpost::accounts
