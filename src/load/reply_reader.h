// load/reply_reader.h: reads one POP3 answer, fed in any slices, and takes nothing on trust.
//
// A single-line answer is "+OK..." or "-ERR..." and CRLF, 512 octets at most (RFC 1939 §3). A multi-line one goes on
// after "+OK" to the line that holds a dot alone; a line that begins with a dot has another one behind it, every line
// ends in CRLF, and no LF stands without its CR. Pure: no I/O, no clock. After `complete` call begin() again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <ringpost/base/octets.h>

namespace ringpost::load {

enum class Form {
  single_line,
  listing,  // multi-line, its lines kept
  message,  // multi-line, octets counted only
};

enum class Verdict { more, complete, refused, malformed };

class ReplyReader {
 public:
  void begin(Form form);

  struct Fed {
    Verdict verdict;
    std::size_t consumed;  // all of what was fed unless the answer ended before its end
  };
  Fed feed(Octets octets);

  // Without "+OK" or "-ERR" and the blank behind it, without CRLF.
  std::string_view text() const noexcept;
  // Octets of the lines as RFC 1939 counts them: CRLF included, stuffed dots and terminator not.
  std::uint64_t octets() const noexcept { return octets_; }
  // Form::listing: the lines, unstuffed, CRLF and all.
  std::string_view listing() const noexcept { return listing_; }
  // What made an answer malformed, in words.
  const char* fault() const noexcept { return fault_; }

 private:
  enum class At { status, status_cr, line_start, dot, dot_cr, text, text_cr };

  Verdict step(char c);
  Verdict status_step(char c);
  Verdict status_done();
  Verdict fail(const char* fault) noexcept;
  void keep(char c);
  std::size_t skip_text(const char* data, std::size_t size);

  Form form_ = Form::single_line;
  At at_ = At::status;
  std::uint64_t octets_ = 0;
  std::string status_;
  std::string listing_;
  const char* fault_ = "";
};

}  // namespace ringpost::load
