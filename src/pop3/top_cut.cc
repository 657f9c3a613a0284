#include "top_cut.h"

#include <cstring>

namespace ringpost::pop3 {

std::size_t TopCut::feed(Octets slice) noexcept {
  const std::string_view text = text_of(slice);
  std::size_t at = 0;
  while (!done_ && at < text.size()) {
    const void* const found = std::memchr(text.data() + at, '\n', text.size() - at);
    if (!found) {
      if (line_octets_ == 0)
        line_is_cr_ = text[at] == '\r' && text.size() - at == 1;
      else
        line_is_cr_ = false;
      line_octets_ += text.size() - at;
      return text.size();
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    const bool empty_line = line_octets_ == 0 ? end - at == 1 && text[at] == '\r' : line_is_cr_ && end == at;
    at = end + 1;
    line_octets_ = 0;
    line_is_cr_ = false;
    if (in_header_) {
      in_header_ = !empty_line;
      done_ = empty_line && lines_left_ == 0;
    } else {
      done_ = --lines_left_ == 0;
    }
  }
  return at;
}

}  // namespace ringpost::pop3
