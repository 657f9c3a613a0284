#include <algorithm>

#include <ringpost/accounts/base64.h>
#include <ringpost/accounts/plain.h>

namespace ringpost::accounts {
namespace {

std::optional<PlainCredentials> split(std::string_view text) {
  if (std::count(text.begin(), text.end(), '\0') != 2) return std::nullopt;
  const std::size_t first = text.find('\0');
  const std::size_t second = text.find('\0', first + 1);
  PlainCredentials credentials;
  credentials.authorization = text.substr(0, first);
  credentials.authentication = text.substr(first + 1, second - first - 1);
  if (credentials.authentication.empty()) return std::nullopt;
  credentials.password = Secret(text.substr(second + 1));
  return credentials;
}

}  // namespace

std::optional<PlainCredentials> decode_plain(std::string_view base64) {
  auto text = decode_base64(base64);
  if (!text) return std::nullopt;
  auto credentials = split(*text);
  wipe({reinterpret_cast<std::byte*>(text->data()), text->size()});
  return credentials;
}

}  // namespace ringpost::accounts
