// ringpost/accounts/secret.h: a password on its way.
//
// Wiped when it goes and where it was moved from. Never printed, never copied implicitly. A value; any thread.
#pragma once

#include <string>
#include <string_view>

#include <ringpost/base/octets.h>

namespace ringpost::accounts {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : text_(text) {}
  Secret(Secret&&) noexcept;
  Secret& operator=(Secret&&) noexcept;
  ~Secret();
  std::string_view reveal() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }

 private:
  void wipe() noexcept;
  std::string text_;
};

// For buffers that held one.
void wipe(MutableOctets) noexcept;

// Takes the same time wherever they differ; only the lengths show.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace ringpost::accounts
