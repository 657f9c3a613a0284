#include <ringpost/accounts/account_name.h>

namespace ringpost::accounts {
namespace {

bool stays_as_it_is(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '@' || c == '.' || c == '-' || c == '_' || c == '+';
}

}  // namespace

const char* fault_of_name(std::string_view name) {
  if (name.empty()) return "an empty name";
  std::size_t encoded = 0;
  for (const char octet : name) {
    const auto c = static_cast<unsigned char>(octet);
    if (c < 0x20 || c == 0x7f) return "a control octet in the name";
    if (c == ':') return "a colon in the name";
    encoded += stays_as_it_is(c) ? 1 : 3;
  }
  return encoded > encoded_name_octets_max ? "a name that is too long" : nullptr;
}

std::string canonical_name(std::string_view name, bool fold_case) {
  std::string canonical(name);
  if (fold_case)
    for (char& c : canonical)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return canonical;
}

}  // namespace ringpost::accounts
