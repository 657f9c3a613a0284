#include "letters.h"

#include <fmt/format.h>

namespace ringpost::sim {

std::string strange_letter(Random& random, std::uint64_t number, std::uint64_t octets_about) {
  std::string text = fmt::format("From: a@example.org\r\nX-Letter: {}\r\nSubject: {:x}\r\n", number, random.next());
  if (random.chance(0.05)) return text;  // a header and nothing else
  text += random.chance(0.9) ? "\r\n" : "\n";
  while (text.size() < octets_about) {
    switch (random.below(8)) {
      case 0:
        text += ".\r\n";
        break;
      case 1:
        text += "\n.\n";
        break;
      case 2:
        text += "..dots\r\n";
        break;
      case 3:
        text += std::string("nul \0 and \xff\x80", 12) + "\r\n";
        break;
      case 4:
        text += "bare\rCR\n";
        break;
      default: {
        // Draws stand in statements of their own: arguments are evaluated in any order, and a seed must replay
        // whatever compiled it.
        const std::uint64_t octets = random.below(200);
        text += std::string(octets, static_cast<char>('a' + random.below(26)));
        text += "\r\n";
      }
    }
  }
  if (random.chance(0.2)) text += "no line end";
  return text;
}

}  // namespace ringpost::sim
