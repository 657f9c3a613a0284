#include "accounts.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fmt/format.h>
#include <optional>

namespace ringpost::load {
namespace {

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.size() > 15 || error != std::errc{} || end != text.data() + text.size() || value < 0)
    return {};
  return value;
}

bool is_padded(std::string_view text) {
  return text.size() > 1 && text.front() == '0';
}

}  // namespace

std::expected<std::vector<std::string>, std::string> expand_pattern(std::string_view pattern) {
  if (pattern.empty()) return std::unexpected("an account pattern cannot be empty");
  auto open = pattern.find('{');
  if (open == std::string_view::npos && pattern.find('}') == std::string_view::npos)
    return std::vector{std::string{pattern}};
  auto close = pattern.find('}', open == std::string_view::npos ? 0 : open);
  auto dots = open == std::string_view::npos ? open : pattern.find("..", open);
  auto malformed = std::unexpected(fmt::format("'{}' is no pattern such as u{{0..999}}", pattern));
  if (open == std::string_view::npos || close == std::string_view::npos || dots == std::string_view::npos ||
      dots > close)
    return malformed;
  auto prefix = pattern.substr(0, open), suffix = pattern.substr(close + 1);
  auto from_text = pattern.substr(open + 1, dots - open - 1), to_text = pattern.substr(dots + 2, close - dots - 2);
  if (suffix.find_first_of("{}") != std::string_view::npos || prefix.find('}') != std::string_view::npos)
    return malformed;
  auto from = number_of(from_text), to = number_of(to_text);
  if (!from || !to) return malformed;
  auto count = static_cast<std::size_t>(std::max(*from, *to) - std::min(*from, *to)) + 1;
  if (count > accounts_max)
    return std::unexpected(fmt::format("'{}' names more than {} accounts", pattern, accounts_max));
  auto width = is_padded(from_text) || is_padded(to_text) ? std::max(from_text.size(), to_text.size()) : 0;
  std::vector<std::string> names;
  names.reserve(count);
  auto step = *from <= *to ? 1 : -1;
  for (std::size_t i = 0; i < count; ++i)
    names.push_back(fmt::format("{}{:0{}}{}", prefix, *from + step * static_cast<std::int64_t>(i), width, suffix));
  return names;
}

std::vector<Account> accounts_of_text(std::string_view text, std::string_view password) {
  std::vector<Account> accounts;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    auto colon = line.find(':');
    accounts.push_back({std::string{line.substr(0, colon)},
                        std::string{colon == std::string_view::npos ? password : line.substr(colon + 1)}});
  }
  return accounts;
}

}  // namespace ringpost::load
