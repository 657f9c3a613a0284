#include "../../src/pop3/top_cut.h"

#include <gtest/gtest.h>
#include <string>

namespace ringpost::pop3 {
namespace {

struct Cut {
  std::string kept;
  bool in_header;
};

Cut cut_in(std::string_view wire, std::uint32_t lines, std::size_t slice) {
  TopCut cut(lines);
  std::string kept;
  while (!wire.empty() && !cut.done()) {
    const std::string_view part = wire.substr(0, slice);
    const std::size_t octets = cut.feed(octets_of(part));
    kept += part.substr(0, octets);
    EXPECT_TRUE(octets == part.size() || cut.done());
    wire.remove_prefix(part.size());
  }
  return {kept, cut.in_header()};
}

Cut cut(std::string_view wire, std::uint32_t lines) {
  const Cut whole = cut_in(wire, lines, wire.size());
  for (std::size_t slice = 1; slice < wire.size(); ++slice) {
    const Cut sliced = cut_in(wire, lines, slice);
    EXPECT_EQ(sliced.kept, whole.kept) << slice;
    EXPECT_EQ(sliced.in_header, whole.in_header) << slice;
  }
  return whole;
}

// P041, R005
TEST(TopCut, KeepsHeaderEmptyLineAndJustThatManyLines) {
  constexpr std::string_view wire = "A: 1\r\nB: 2\r\n\r\none\r\n\r\n..\r\nlast\r\n";
  EXPECT_EQ(cut(wire, 0).kept, "A: 1\r\nB: 2\r\n\r\n");
  EXPECT_EQ(cut(wire, 1).kept, "A: 1\r\nB: 2\r\n\r\none\r\n");
  EXPECT_EQ(cut(wire, 2).kept, "A: 1\r\nB: 2\r\n\r\none\r\n\r\n");
  EXPECT_EQ(cut(wire, 3).kept, "A: 1\r\nB: 2\r\n\r\none\r\n\r\n..\r\n");
  for (std::uint32_t lines : {4U, 5U, 4294967295U}) EXPECT_EQ(cut(wire, lines).kept, wire) << lines;
}

TEST(TopCut, AMessageWithoutAnEmptyLineIsAllHeader) {
  EXPECT_TRUE(cut("A: 1\r\nB: 2\r\n", 0).in_header);
  EXPECT_EQ(cut("A: 1\r\nB: 2\r\n", 0).kept, "A: 1\r\nB: 2\r\n");
  EXPECT_TRUE(cut("", 5).in_header);
  EXPECT_FALSE(cut("\r\n", 0).in_header);
  EXPECT_EQ(cut("\r\nbody\r\n", 0).kept, "\r\n");
}

// M20: a bare CR stays in the wire form, and is no line's end and no empty line.
TEST(TopCut, BareCarriageReturnsEndNothing) {
  EXPECT_EQ(cut("A: 1\r\n\r\r\n\r\nbody\rmore\r\nx\r\n", 1).kept, "A: 1\r\n\r\r\n\r\nbody\rmore\r\n");
  EXPECT_TRUE(cut("\r\r\n", 0).in_header);
  EXPECT_TRUE(cut("\r\r\r\n", 0).in_header);
}

}  // namespace
}  // namespace ringpost::pop3
