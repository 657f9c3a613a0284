#include <ringpost/store/plain_form.h>

namespace ringpost::store {

void PlainFormer::feed(Octets wire, std::string& out) {
  auto text = text_of(wire);
  while (!text.empty()) {
    if (held_cr_) {
      held_cr_ = false;
      if (text[0] == '\n') {
        out += crlf_ ? "\r\n" : "\n";
        at_line_start_ = true;
        text.remove_prefix(1);
        continue;
      }
      out += '\r';
    }
    if (at_line_start_ && text[0] == '.') text.remove_prefix(1);
    at_line_start_ = false;
    auto end = text.find('\r');
    out += text.substr(0, end);
    if (end == std::string_view::npos) return;
    held_cr_ = true;
    text.remove_prefix(end + 1);
  }
}

void PlainFormer::finish(std::string& out) {
  if (held_cr_) out += '\r';
  held_cr_ = false;
}

}  // namespace ringpost::store
