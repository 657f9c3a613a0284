// ringpost/pop3/command_reader.h: from octets, in whatever slices they come, to command lines.
//
// A line is at most 255 octets with its end (X010), or what expect_long() allowed for the next one (A008). A longer one
// is told once, at the octet that is too much, and thrown away up to its CRLF: it never becomes two commands (X011).
// A LF alone ends a line too: people type to servers with tools that send it, and no command may hold a LF, so nothing
// can hide behind one. Behind a line that was too long only CRLF counts, for there the octets are no commands.
// Pure: no clock, no heap but for a long line. What it holds may be a credential: wipe() after use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <ringpost/base/octets.h>

namespace ringpost::pop3 {

inline constexpr std::size_t command_octets_max = 255;     // RFC 2449 section 4
inline constexpr std::size_t response_octets_max = 12288;  // RFC 5034 section 4: a SASL client response

class CommandReader {
 public:
  enum class Got : std::uint8_t { need_more, line, too_long };
  struct Step {
    Got got = Got::need_more;
    std::size_t consumed = 0;  // octets of the slice that are done with
    std::string_view line{};   // without its end; in the slice or in here, until the next feed() or wipe()
  };

  Step feed(Octets slice);

  // For the next line only.
  void expect_long(std::size_t octets_max = response_octets_max) noexcept { long_max_ = octets_max; }

  // Overwrites what was held of the last line and of one under way.
  void wipe() noexcept;

 private:
  Step discard(Octets slice);
  void hold(std::string_view text);
  std::string_view held() const noexcept;
  void let_go() noexcept;

  std::array<char, command_octets_max> short_;
  std::uint16_t short_size_ = 0;
  bool done_ = false;  // what is held was given out
  bool discarding_ = false;
  bool after_cr_ = false;  // the last octet discarded
  std::size_t long_max_ = 0;
  std::string long_;
};

}  // namespace ringpost::pop3
