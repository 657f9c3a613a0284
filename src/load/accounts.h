// load/accounts.h: which accounts log in: a pattern such as u{0..999}@example.test, or a file.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace ringpost::load {

struct Account {
  std::string name, password;
};

inline constexpr std::size_t accounts_max = 10'000'000;

// One {A..B} in the pattern counts up or down from A to B, both included; a leading zero in either pads all to the
// longer one's width. Without braces it is one name. Error: what is wrong with the pattern, in words.
std::expected<std::vector<std::string>, std::string> expand_pattern(std::string_view pattern);

// One account a line, NAME or NAME:PASSWORD; empty lines and those that begin with # do not count. What has no
// password of its own gets `password`.
std::vector<Account> accounts_of_text(std::string_view text, std::string_view password);

}  // namespace ringpost::load
