#include "reply_reader.h"

namespace ringpost::load {
namespace {

constexpr std::size_t status_octets_max = 512;
constexpr std::size_t block = 64;

// Anything in data[0, block) that the fast path must not run over: an LF without CR, or an LF before a dot.
// Reads data[-1] to data[block]. Written without branches, so that the compiler makes vector code of it.
bool is_notable(const char* data) {
  unsigned char found = 0;
  for (std::size_t i = 0; i < block; ++i) {
    auto line_end = static_cast<unsigned char>(data[i] == '\n');
    auto no_cr = static_cast<unsigned char>(data[static_cast<std::ptrdiff_t>(i) - 1] != '\r');
    auto dot = static_cast<unsigned char>(data[i + 1] == '.');
    found = static_cast<unsigned char>(found | (line_end & (no_cr | dot)));
  }
  return found != 0;
}

}  // namespace

void ReplyReader::begin(Form form) {
  form_ = form;
  at_ = At::status;
  octets_ = 0;
  status_.clear();
  listing_.clear();
  fault_ = "";
}

std::string_view ReplyReader::text() const noexcept {
  std::string_view line = status_;
  line.remove_prefix(line.starts_with("-ERR") ? 4 : line.starts_with("+OK") ? 3 : 0);
  if (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

ReplyReader::Fed ReplyReader::feed(Octets octets) {
  auto text = text_of(octets);
  for (std::size_t i = 0; i < text.size();) {
    if (at_ == At::text) i += skip_text(text.data() + i, text.size() - i);
    if (i == text.size()) break;
    auto verdict = step(text[i++]);
    if (verdict != Verdict::more) return {verdict, i};
  }
  return {Verdict::more, text.size()};
}

// Runs over well-formed text up to the next LF that is not as usual, for step() to judge, or to the slice's last octet.
std::size_t ReplyReader::skip_text(const char* data, std::size_t size) {
  std::size_t done = 1;  // data[0] has no known predecessor in this slice
  if (size < block + 2 || data[0] == '\n' || data[0] == '\r') return 0;
  while (done + block < size && !is_notable(data + done)) done += block;
  while (done + 1 < size && !(data[done] == '\n' && (data[done - 1] != '\r' || data[done + 1] == '.'))) ++done;
  octets_ += done;
  if (form_ == Form::listing) listing_.append(data, done);
  auto last = data[done - 1];
  at_ = last == '\r' ? At::text_cr : last == '\n' ? At::line_start : At::text;
  return done;
}

Verdict ReplyReader::fail(const char* fault) noexcept {
  fault_ = fault;
  return Verdict::malformed;
}

void ReplyReader::keep(char c) {
  ++octets_;
  if (form_ == Form::listing) listing_ += c;
}

Verdict ReplyReader::status_step(char c) {
  if (at_ == At::status_cr) return c == '\n' ? status_done() : fail("a CR without LF in a status line");
  if (c == '\n') return fail("an LF without CR in a status line");
  if (c == '\r') {
    at_ = At::status_cr;
    return Verdict::more;
  }
  if (status_.size() == status_octets_max - 2) return fail("a status line of more than 512 octets");
  status_ += c;
  return Verdict::more;
}

Verdict ReplyReader::status_done() {
  auto is = [this](std::string_view word) {
    return status_.starts_with(word) && (status_.size() == word.size() || status_[word.size()] == ' ');
  };
  if (is("-ERR")) return Verdict::refused;
  if (!is("+OK")) return fail("neither +OK nor -ERR");
  at_ = At::line_start;
  return form_ == Form::single_line ? Verdict::complete : Verdict::more;
}

Verdict ReplyReader::step(char c) {
  switch (at_) {
    case At::status:
    case At::status_cr:
      return status_step(c);
    case At::line_start:
      if (c == '.') {
        at_ = At::dot;
        return Verdict::more;
      }
      break;
    case At::dot:
      if (c == '\r') {
        at_ = At::dot_cr;
        return Verdict::more;
      }
      if (c != '.') return fail("a line that begins with an unstuffed dot");
      break;
    case At::dot_cr:
      return c == '\n' ? Verdict::complete : fail("a line that begins with an unstuffed dot");
    case At::text_cr:
      if (c != '\n') break;
      keep(c);
      at_ = At::line_start;
      return Verdict::more;
    case At::text:
      break;
  }
  if (c == '\n') return fail("an LF without CR");
  keep(c);
  at_ = c == '\r' ? At::text_cr : At::text;
  return Verdict::more;
}

}  // namespace ringpost::load
