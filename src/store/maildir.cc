#include <algorithm>

#include <ringpost/store/maildir.h>

namespace ringpost::store {
namespace {

std::string_view leading_number(std::string_view name) noexcept {
  auto end = std::min(name.find_first_not_of("0123456789"), name.size());
  auto digits = name.substr(0, end);
  auto first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? std::string_view{} : digits.substr(first);
}

}  // namespace

MaildirName maildir_name(std::string_view file) noexcept {
  for (std::size_t at = file.size(); at-- > 0;) {
    char c = file[at];
    if ((c == ':' || c == ';' || c == '!') && file.substr(at + 1).starts_with("2,"))
      return {file.substr(0, at), file.substr(at + 3)};
  }
  // ":1," is experimental and ":" alone is nothing; the unique part still ends there.
  auto colon = file.find(':');
  return {file.substr(0, colon), {}};
}

bool arrived_before(std::string_view unique, std::string_view other) noexcept {
  auto mine = leading_number(unique);
  auto theirs = leading_number(other);
  if (mine.size() != theirs.size()) return mine.size() < theirs.size();
  if (mine != theirs) return mine < theirs;
  return unique < other;
}

}  // namespace ringpost::store
