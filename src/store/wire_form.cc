#include <cstring>

#include <ringpost/base/crc32c.h>
#include <ringpost/store/wire_form.h>

// Octets that need no change are copied in one piece, however many lines they are: `from` is the first one not yet
// copied. Only an insertion (a stuffed dot, the CR of a bare LF) makes a cut.
namespace ringpost::store {

void WireFormer::feed(Octets raw, std::string& out) {
  const std::size_t begin = out.size();
  const char* const text = reinterpret_cast<const char*>(raw.data());
  const char* const end = text + raw.size();
  const char* from = text;
  std::uint64_t dots = 0;

  for (const char* at = text; at < end;) {
    if (at_line_start_ && *at == '.') {
      out.append(from, at);
      out.push_back('.');
      from = at;
      ++dots;
    }
    at_line_start_ = false;
    const auto* lf = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    const char* stop = lf ? lf : end;
    if (in_header_ && stop > at) {
      const bool one_cr = stop - at == 1 && *at == '\r';
      line_empty_ = line_empty_ && one_cr && !after_cr_;
    }
    if (stop > at) after_cr_ = stop[-1] == '\r';
    if (!lf) break;

    if (!after_cr_) {
      out.append(from, lf);
      out.push_back('\r');
      from = lf;
    }
    at = lf + 1;
    after_cr_ = false;
    at_line_start_ = true;
    if (in_header_) {
      if (line_empty_) {
        header_octets_ = wire_octets_ + (out.size() - begin) + static_cast<std::size_t>(at - from);
        in_header_ = false;
      }
      line_empty_ = true;
    }
  }
  out.append(from, end);

  const std::size_t added = out.size() - begin;
  if (replace_nul_) {
    char* at = out.data() + begin;
    char* const stop = out.data() + out.size();
    while (at < stop && (at = static_cast<char*>(std::memchr(at, '\0', static_cast<std::size_t>(stop - at)))))
      *at++ = '\x80';
  }
  wire_octets_ += added;
  octets_ += added - dots;
  crc32c_ = ringpost::crc32c(octets_of(std::string_view(out).substr(begin)), crc32c_);
}

void WireFormer::finish(std::string& out) {
  // A CR that the message ends with is a bare one and stays; the line end comes behind it.
  if (!at_line_start_) {
    out += "\r\n";
    wire_octets_ += 2;
    octets_ += 2;
    crc32c_ = ringpost::crc32c(octets_of("\r\n"), crc32c_);
    at_line_start_ = true;
    after_cr_ = false;
  }
  if (in_header_) header_octets_ = wire_octets_;
}

}  // namespace ringpost::store
