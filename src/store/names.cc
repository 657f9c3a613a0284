#include <ringpost/base/octets.h>
#include <ringpost/store/names.h>
#include <ringpost/store/types.h>

namespace ringpost::store {
namespace {

constexpr std::string_view upper_hex = "0123456789ABCDEF";

bool stands_as_it_is(unsigned char c, bool first) noexcept {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  if (c == '.') return !first;  // no ".", "..", and nothing hidden
  return c == '-' || c == '_' || c == '+' || c == '=' || c == '@';
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::size_t encoded_size(std::string_view account) noexcept {
  std::size_t size = 0;
  for (std::size_t i = 0; i < account.size(); ++i)
    size += stands_as_it_is(static_cast<unsigned char>(account[i]), i == 0) ? 1 : 3;
  return size;
}

}  // namespace

bool name_allowed(std::string_view account) noexcept {
  return !account.empty() && encoded_size(account) <= encoded_name_max;
}

std::string encoded_name(std::string_view account) {
  std::string encoded;
  encoded.reserve(encoded_size(account));
  for (char c : account) {
    auto octet = static_cast<unsigned char>(c);
    if (stands_as_it_is(octet, encoded.empty())) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += upper_hex[octet >> 4];
      encoded += upper_hex[octet & 15];
    }
  }
  return encoded;
}

std::optional<std::string> decoded_name(std::string_view encoded) {
  std::string account;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '%') {
      account += encoded[i];
      continue;
    }
    if (i + 2 >= encoded.size()) return std::nullopt;
    const int high = hex_value(encoded[i + 1]);
    const int low = hex_value(encoded[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    account += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!name_allowed(account) || encoded_name(account) != encoded) return std::nullopt;
  return account;
}

std::uint64_t name_hash(std::string_view account) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, then murmur3's finalizer: FNV's high bits are weak
  for (char c : account) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33);
}

std::uint32_t owner_core_of(std::string_view account, std::uint32_t cores) noexcept {
  return static_cast<std::uint32_t>((name_hash(account) >> 32) % cores);
}

MaildropFolder folder_of(std::string_view account) {
  const std::uint64_t hash = name_hash(account);
  const std::byte digits[2] = {static_cast<std::byte>(hash & 0xff), static_cast<std::byte>((hash >> 8) & 0xff)};
  MaildropFolder where;
  where.outer = hex({digits, 1});
  where.middle = where.outer + '/' + hex({digits + 1, 1});
  where.folder = where.middle + '/' + encoded_name(account);
  return where;
}

}  // namespace ringpost::store
