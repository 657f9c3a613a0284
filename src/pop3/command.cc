#include <algorithm>
#include <charconv>

#include <ringpost/pop3/command.h>

namespace ringpost::pop3 {
namespace {

// Up to four letters as one number, in capitals; 0: not a keyword's form.
constexpr std::uint32_t packed(std::string_view word) noexcept {
  if (word.size() < 3 || word.size() > 4) return 0;
  std::uint32_t value = 0;
  for (const char c : word) {
    const char capital = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    if (capital < 'A' || capital > 'Z') return 0;
    value = (value << 8) | static_cast<unsigned char>(capital);
  }
  return value;
}

Verb verb_of(std::string_view word) noexcept {
  switch (packed(word)) {
    case packed("CAPA"):
      return Verb::capa;
    case packed("USER"):
      return Verb::user;
    case packed("PASS"):
      return Verb::pass;
    case packed("AUTH"):
      return Verb::auth;
    case packed("QUIT"):
      return Verb::quit;
    case packed("STAT"):
      return Verb::stat;
    case packed("LIST"):
      return Verb::list;
    case packed("RETR"):
      return Verb::retr;
    case packed("DELE"):
      return Verb::dele;
    case packed("NOOP"):
      return Verb::noop;
    case packed("RSET"):
      return Verb::rset;
    case packed("TOP"):
      return Verb::top;
    case packed("UIDL"):
      return Verb::uidl;
    case packed("STLS"):
      return Verb::stls;
    default:
      return Verb::unknown;
  }
}

std::string_view without_blanks_behind(std::string_view text) noexcept {
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

Command parse_command(std::string_view line) noexcept {
  const std::size_t blank = line.find(' ');
  Command command;
  command.keyword = line.substr(0, blank);
  command.verb = verb_of(command.keyword);
  if (blank != std::string_view::npos) {
    command.has_argument = true;
    command.argument = line.substr(blank + 1);
  }
  return command;
}

bool has_control_octets(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

bool has_line_octets(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) { return c == '\0' || c == '\r' || c == '\n'; });
}

std::optional<std::uint32_t> parse_number(std::string_view text) noexcept {
  text = without_blanks_behind(text);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<TwoNumbers> parse_two_numbers(std::string_view text) noexcept {
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto first = parse_number(text.substr(0, blank));
  const auto second = parse_number(text.substr(blank + 1));
  if (!first || !second) return std::nullopt;
  return TwoNumbers{*first, *second};
}

bool is_blank(std::string_view text) noexcept {
  return without_blanks_behind(text).empty();
}

}  // namespace ringpost::pop3
