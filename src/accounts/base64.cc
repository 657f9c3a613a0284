#include <array>
#include <cstdint>

#include <ringpost/accounts/base64.h>

namespace ringpost::accounts {
namespace {

constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t foreign = 0xff;

constexpr auto make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(foreign);
  for (std::uint8_t at = 0; at < 64; ++at) values[static_cast<unsigned char>(alphabet[at])] = at;
  return values;
}
constexpr auto values = make_values();

// Digits only, no padding.
std::optional<std::string> decode_digits(std::string_view digits) {
  if (digits.size() % 4 == 1) return std::nullopt;
  std::string octets;
  octets.reserve(digits.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (char digit : digits) {
    const std::uint8_t value = values[static_cast<unsigned char>(digit)];
    if (value == foreign) return std::nullopt;
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      octets.push_back(static_cast<char>((bits >> held) & 0xff));
    }
  }
  if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;
  return octets;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  return decode_digits(text.substr(0, text.size() - padding));
}

std::optional<std::string> decode_base64_unpadded(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  return decode_digits(text);
}

std::string encode_base64(std::string_view octets) {
  std::string text;
  text.reserve((octets.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    const std::size_t count = octets.size() - at < 3 ? octets.size() - at : 3;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = (bits << 8) | (i < count ? static_cast<unsigned char>(octets[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) text.push_back(i <= count ? alphabet[(bits >> (18 - 6 * i)) & 63] : '=');
  }
  return text;
}

}  // namespace ringpost::accounts
