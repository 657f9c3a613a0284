// pop3/top_cut.h: how much of a message in wire form TOP sends: header, empty line, and so many lines of the body.
//
// Pure, fed in any slices. In wire form every LF ends a line, so a line is what lies between two of them (M20).
#pragma once

#include <cstdint>

#include <ringpost/base/octets.h>

namespace ringpost::pop3 {

class TopCut {
 public:
  explicit TopCut(std::uint32_t body_lines) noexcept : lines_left_(body_lines) {}

  // How many octets of the slice belong to the answer; fewer than all: done() from here on.
  std::size_t feed(Octets slice) noexcept;

  bool done() const noexcept { return done_; }
  bool in_header() const noexcept { return in_header_; }  // at the message's end: it has no empty line

 private:
  std::uint32_t lines_left_;
  std::uint64_t line_octets_ = 0;  // of the line under way
  bool line_is_cr_ = false;        // all of it so far is one CR
  bool in_header_ = true;
  bool done_ = false;
};

}  // namespace ringpost::pop3
