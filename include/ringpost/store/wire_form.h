// ringpost/store/wire_form.h: bringing a message into the one form in which it is stored and sent (M20, P056, P057).
//
// Wire normal form: every line ends with CRLF (a bare LF becomes one), a missing last CRLF is added, a line that begins
// with a dot bears one more. A bare CR and NULs stay (replace_nul: NUL becomes 0x80). So no content can hold a false
// end of an answer, also for clients that split at LF. Pure: fed in any slices, no heap of its own, any thread. One
// pass computes form, counts and CRC together.
#pragma once

#include <cstdint>
#include <string>

#include <ringpost/base/octets.h>

namespace ringpost::store {

class WireFormer {
 public:
  explicit WireFormer(bool replace_nul = false) noexcept : replace_nul_(replace_nul) {}

  // Appends the wire form of `raw` to `out`. At most 2 * raw.size() + 3 octets are added.
  void feed(Octets raw, std::string& out);
  // After the last octet: adds what is missing.
  void finish(std::string& out);

  std::uint64_t wire_octets() const noexcept { return wire_octets_; }
  std::uint64_t octets() const noexcept { return octets_; }  // as LIST counts: without stuffed dots
  std::uint64_t header_octets() const noexcept {
    return header_octets_;
  }  // of the wire form, with the empty line; all of it if there is none
  std::uint32_t crc32c() const noexcept { return crc32c_; }

 private:
  bool replace_nul_;
  bool at_line_start_ = true;
  bool after_cr_ = false;
  bool line_empty_ = true;
  bool in_header_ = true;
  std::uint64_t wire_octets_ = 0;
  std::uint64_t octets_ = 0;
  std::uint64_t header_octets_ = 0;
  std::uint32_t crc32c_ = 0;
};

}  // namespace ringpost::store
