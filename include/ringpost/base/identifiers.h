// ringpost/base/identifiers.h: 128-bit identifiers and their text forms.
//
// They are values. Where the random bits come from is the caller's affair (the Proactor's, so that a simulated run
// can be repeated).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <string>

#include <ringpost/base/octets.h>

namespace ringpost {

struct Id128 {
  std::array<std::byte, 16> octets{};
  auto operator<=>(const Id128&) const = default;
};

// Lower-case hexadecimal, two characters an octet.
std::string hex(Octets octets);

// The first `bits` bits in RFC 4648's base32 alphabet, lower case, five bits a character, no padding.
// `bits` is a multiple of 5 and at most 8 * octets.size().
std::string base32(Octets octets, std::size_t bits);

}  // namespace ringpost
