#include <ringpost/base/ensure.h>
#include <ringpost/base/identifiers.h>

namespace ringpost {

std::string hex(Octets octets) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(octets.size() * 2);
  for (std::byte octet : octets) {
    text += digits[static_cast<unsigned>(octet) >> 4];
    text += digits[static_cast<unsigned>(octet) & 15];
  }
  return text;
}

std::string base32(Octets octets, std::size_t bits) {
  ensure(bits % 5 == 0 && bits <= octets.size() * 8);
  constexpr char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text;
  text.reserve(bits / 5);
  for (std::size_t at = 0; at < bits; at += 5) {
    unsigned value = 0;
    for (std::size_t bit = at; bit < at + 5; ++bit)
      value = (value << 1) | ((static_cast<unsigned>(octets[bit / 8]) >> (7 - bit % 8)) & 1);
    text += alphabet[value];
  }
  return text;
}

}  // namespace ringpost
