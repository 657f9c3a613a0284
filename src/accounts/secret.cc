#include <cstring>
#include <utility>

#include <ringpost/accounts/secret.h>

namespace ringpost::accounts {

// The string's whole capacity, for a short text lies inside the object and stays there after a move.
void Secret::wipe() noexcept {
  text_.resize(text_.capacity());
  explicit_bzero(text_.data(), text_.size());
  text_.clear();
}

Secret::Secret(Secret&& other) noexcept : text_(std::move(other.text_)) {
  other.wipe();
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    text_.swap(other.text_);
    other.wipe();
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

void wipe(MutableOctets octets) noexcept {
  if (!octets.empty()) explicit_bzero(octets.data(), octets.size());
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t at = 0; at < a.size(); ++at)
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[at]) ^ static_cast<unsigned char>(b[at]));
  return difference == 0;
}

}  // namespace ringpost::accounts
