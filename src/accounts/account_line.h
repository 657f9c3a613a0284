// accounts/account_line.h: one line of the accounts file, taken apart. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace ringpost::accounts {

struct AccountLine {
  bool blank = false;  // nothing, or a comment
  bool disabled = false;
  bool has_secret = false;  // a colon follows the name
  std::string_view name;
  std::string_view secret;
  std::string_view rest;  // from the colon behind the secret on
};

AccountLine split_account_line(std::string_view line);

// nullptr, or what is wrong with the line; never a word of the secret.
const char* fault_of_line(const AccountLine&);

// The lines of a text without their ends; a CR before the LF belongs to the end.
class LineWalk {
 public:
  explicit LineWalk(std::string_view text) : left_(text) {}
  std::optional<std::string_view> next();

 private:
  std::string_view left_;
};

}  // namespace ringpost::accounts
