#include <array>
#include <cstring>

#include <ringpost/base/crc32c.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace ringpost {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // Castagnoli, bits reversed

constexpr auto make_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? polynomial : 0);
    tables[0][i] = value;
  }
  for (std::uint32_t i = 0; i < 256; ++i)
    for (std::size_t t = 1; t < 8; ++t) tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
  return tables;
}
constexpr auto tables = make_tables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(Octets octets, std::uint32_t so_far) noexcept {
  const std::byte* at = octets.data();
  std::size_t left = octets.size();
  std::uint64_t crc = ~so_far;
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto crc32 = static_cast<std::uint32_t>(crc);
  for (; left > 0; ++at, --left) crc32 = _mm_crc32_u8(crc32, static_cast<unsigned char>(*at));
  return ~crc32;
}
#endif

// The product of two polynomials modulo Castagnoli's, bits reversed: bit 31 is x^0.
constexpr std::uint32_t multiplied(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = 1u << 31; bit; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b >> 1) ^ ((b & 1) ? polynomial : 0);
  }
  return product;
}

// powers[n] = x^(8 * 2^n): what 2^n octets of zeros multiply a CRC by.
constexpr auto make_powers() {
  std::array<std::uint32_t, 64> powers{};
  powers[0] = 1u << 23;
  for (std::size_t n = 1; n < powers.size(); ++n) powers[n] = multiplied(powers[n - 1], powers[n - 1]);
  return powers;
}
constexpr auto powers = make_powers();

}  // namespace

std::uint32_t crc32c_joined(std::uint32_t first, std::uint32_t second, std::uint64_t second_octets) noexcept {
  for (std::size_t n = 0; second_octets; ++n, second_octets >>= 1)
    if (second_octets & 1) first = multiplied(powers[n], first);
  return first ^ second;
}

std::uint32_t crc32c_portable(Octets octets, std::uint32_t so_far) noexcept {
  std::uint32_t crc = ~so_far;
  const std::byte* at = octets.data();
  std::size_t left = octets.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint32_t low;
    std::uint32_t high;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + 4, 4);
    low ^= crc;
    crc = tables[7][low & 0xff] ^ tables[6][(low >> 8) & 0xff] ^ tables[5][(low >> 16) & 0xff] ^ tables[4][low >> 24] ^
          tables[3][high & 0xff] ^ tables[2][(high >> 8) & 0xff] ^ tables[1][(high >> 16) & 0xff] ^
          tables[0][high >> 24];
  }
  for (; left > 0; ++at, --left) crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<std::uint32_t>(*at)) & 0xff];
  return ~crc;
}

std::uint32_t crc32c(Octets octets, std::uint32_t so_far) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return crc32c_sse42(octets, so_far);
#endif
  return crc32c_portable(octets, so_far);
}

}  // namespace ringpost
