#include "account_line.h"

#include <ringpost/accounts/account_name.h>

namespace ringpost::accounts {
namespace {

constexpr std::size_t colons_before_extra = 5;  // of `rest`: uid, gid, gecos, home, shell

bool has_nologin(std::string_view rest) {
  for (std::size_t colon = 0; colon <= colons_before_extra; ++colon) {
    const std::size_t at = rest.find(':');
    if (at == std::string_view::npos) return false;
    rest.remove_prefix(at + 1);
  }
  while (!rest.empty()) {
    const std::size_t end = rest.find(' ');
    const std::string_view word = rest.substr(0, end);
    if (word == "nologin" || word.starts_with("nologin=")) return true;
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

AccountLine split_account_line(std::string_view line) {
  AccountLine parts;
  const std::size_t text = line.find_first_not_of(" \t");
  if (text == std::string_view::npos || line[text] == '#') {
    parts.blank = true;
    return parts;
  }
  const std::size_t colon = line.find(':');
  parts.name = line.substr(0, colon);
  if (colon == std::string_view::npos) return parts;
  parts.has_secret = true;
  parts.secret = line.substr(colon + 1);
  if (const std::size_t end = parts.secret.find(':'); end != std::string_view::npos) {
    parts.rest = parts.secret.substr(end);
    parts.secret = parts.secret.substr(0, end);
  }
  parts.disabled = parts.secret.starts_with('!') || parts.secret.starts_with('*') || has_nologin(parts.rest);
  return parts;
}

const char* fault_of_line(const AccountLine& parts) {
  if (!parts.has_secret) return "no colon behind the name; a line is name:{SCHEME}secret";
  if (const char* fault = fault_of_name(parts.name)) return fault;
  if (parts.secret.empty() && !parts.disabled) return "an empty secret; a disabled account has `!` there";
  return nullptr;
}

std::optional<std::string_view> LineWalk::next() {
  if (left_.empty()) return std::nullopt;
  const std::size_t end = left_.find('\n');
  std::string_view line = left_.substr(0, end);
  left_.remove_prefix(end == std::string_view::npos ? left_.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace ringpost::accounts
