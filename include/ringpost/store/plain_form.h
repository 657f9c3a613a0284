// ringpost/store/plain_form.h: from wire form back to the lines of a file: without stuffed dots, with LF or CRLF.
//
// The inverse of store/wire_form.h as far as there is one: which lines ended with a bare LF is not kept (M20).
// Pure: fed in any slices, any thread.
#pragma once

#include <string>

#include <ringpost/base/octets.h>

namespace ringpost::store {

class PlainFormer {
 public:
  explicit PlainFormer(bool crlf) noexcept : crlf_(crlf) {}

  // Appends the plain form of `wire` to `out`. A CR at a slice's end is kept back until the next.
  void feed(Octets wire, std::string& out);
  void finish(std::string& out);

 private:
  bool crlf_;
  bool at_line_start_ = true;
  bool held_cr_ = false;
};

}  // namespace ringpost::store
