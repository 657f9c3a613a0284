// ringpost/pop3/command.h: what a command line says, before anybody acts on it.
//
// Pure, any thread; the views lie in the line that was given. Leniences, each for people and old clients: case of the
// keyword (P002) and blanks behind the last argument. Everything else is as RFC 1939 section 3 has it: one blank
// between fields, printable characters. Of USER and PASS the rest of the line is the argument, blanks included (P048).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringpost::pop3 {

enum class Verb : std::uint8_t {
  unknown,
  capa,
  user,
  pass,
  auth,
  quit,
  stat,
  list,
  retr,
  dele,
  noop,
  rset,
  top,
  uidl,
  stls,
};
inline constexpr std::size_t verb_count = 15;

struct Command {
  Verb verb = Verb::unknown;
  bool has_argument = false;    // a blank followed the keyword
  std::string_view keyword{};   // as it was written
  std::string_view argument{};  // all behind that blank
};

Command parse_command(std::string_view line) noexcept;

// Does `text` hold an octet that no argument may have? For a password only NUL, CR and LF; else all control octets.
bool has_control_octets(std::string_view text) noexcept;
bool has_line_octets(std::string_view text) noexcept;

// Decimal digits and nothing else, at most 2^32-1 (P023); blanks behind it are allowed.
std::optional<std::uint32_t> parse_number(std::string_view text) noexcept;

struct TwoNumbers {
  std::uint32_t first;
  std::uint32_t second;
};
// With one blank between them.
std::optional<TwoNumbers> parse_two_numbers(std::string_view text) noexcept;

// Is there anything but blanks?
bool is_blank(std::string_view text) noexcept;

}  // namespace ringpost::pop3
