#include <gtest/gtest.h>
#include <random>
#include <string>

#include <ringpost/base/crc32c.h>
#include <ringpost/store/wire_form.h>

namespace ringpost::store {
namespace {

struct Formed {
  std::string wire;
  std::uint64_t octets = 0;
  std::uint64_t header_octets = 0;
  std::uint32_t crc = 0;
  bool operator==(const Formed&) const = default;
};

Formed form(std::string_view raw, std::size_t slice = SIZE_MAX, bool replace_nul = false) {
  WireFormer former(replace_nul);
  Formed formed;
  for (std::size_t at = 0; at < raw.size(); at += std::min(slice, raw.size() - at))
    former.feed(octets_of(raw.substr(at, slice)), formed.wire);
  former.finish(formed.wire);
  EXPECT_EQ(former.wire_octets(), formed.wire.size());
  formed.octets = former.octets();
  formed.header_octets = former.header_octets();
  formed.crc = former.crc32c();
  return formed;
}

// The rules once more, octet by octet, as M20 says them.
Formed expected(std::string_view raw, bool replace_nul = false) {
  std::string ended;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\n' && (i == 0 || raw[i - 1] != '\r')) ended += '\r';
    ended += replace_nul && raw[i] == '\0' ? '\x80' : raw[i];
  }
  if (!ended.empty() && (ended.size() < 2 || ended.substr(ended.size() - 2) != "\r\n")) ended += "\r\n";
  Formed formed;
  formed.octets = ended.size();
  bool header = true;
  for (std::size_t i = 0; i < ended.size();) {
    const std::size_t end = ended.find("\r\n", i) + 2;
    if (ended[i] == '.') formed.wire += '.';
    formed.wire += ended.substr(i, end - i);
    if (header && end - i == 2) {
      header = false;
      formed.header_octets = formed.wire.size();
    }
    i = end;
  }
  if (header) formed.header_octets = formed.wire.size();
  formed.crc = crc32c(octets_of(formed.wire));
  return formed;
}

TEST(WireForm, BareLfBecomesCrlfAndABareCrStays) {  // M20, P056
  EXPECT_EQ(form("a\nb\r\nc\rd\n").wire, "a\r\nb\r\nc\rd\r\n");
  EXPECT_EQ(form("a\r\r\nb\r\n").wire, "a\r\r\nb\r\n");
}

TEST(WireForm, MissingLastLineEndIsAddedAndCountedAPresentOneIsLeft) {  // M20, P057, R004
  EXPECT_EQ(form("x\r\n\r\nlast").wire, "x\r\n\r\nlast\r\n");
  EXPECT_EQ(form("x\r\n\r\nlast").octets, 11u);
  EXPECT_EQ(form("x\r\n\r\nlast\r\n").wire, "x\r\n\r\nlast\r\n");
  EXPECT_EQ(form("x\r\n\r\nlast\r\n").octets, 11u);
  EXPECT_EQ(form("last\r").wire, "last\r\r\n");
  EXPECT_EQ(form("").wire, "");
  EXPECT_EQ(form("").octets, 0u);
}

TEST(WireForm, EveryLineThatBeginsWithADotBearsOneMore) {  // M20, P008, R001
  EXPECT_EQ(form(".\r\n..\r\n.x\r\na.b\r\n.").wire, "..\r\n...\r\n..x\r\na.b\r\n..\r\n");
  EXPECT_EQ(form("a\n.\nb\n").wire, "a\r\n..\r\nb\r\n");  // LF.LF is no end of an answer
  EXPECT_EQ(form("a\r\n.\nb").wire, "a\r\n..\r\nb\r\n");
  EXPECT_EQ(form("a\r.\r\n").wire, "a\r.\r\n");  // behind a bare CR no line begins
}

TEST(WireForm, OctetsCountLineEndsAndNotStuffedDots) {  // P028, R010
  EXPECT_EQ(form(".a\n.b\n").octets, 8u);
  EXPECT_EQ(form(".a\n.b\n").wire.size(), 10u);
}

TEST(WireForm, HeaderPartEndsBehindTheFirstEmptyLine) {  // R005
  EXPECT_EQ(form("A: b\r\n\r\nbody\r\n\r\n").header_octets, 8u);
  EXPECT_EQ(form("A: b\n\nbody\n").header_octets, 8u);
  EXPECT_EQ(form("\nbody\n").header_octets, 2u);
  EXPECT_EQ(form("A: b\r\n").header_octets, 6u) << "no empty line: all of it";
  EXPECT_EQ(form(".A: b\r\n\r\nx").header_octets, 10u) << "of the wire form: with its stuffed dots";
  EXPECT_EQ(form("A\r\n\r\r\n\r\nx").header_octets, 8u) << "a line of a bare CR is not empty";
  EXPECT_EQ(form("A: b\r\n\r").header_octets, 9u);
}

TEST(WireForm, NulsStayOrAreReplaced) {  // M20
  const std::string raw("a\0b\r\n", 5);
  EXPECT_EQ(form(raw).wire, raw);
  EXPECT_EQ(form(raw, SIZE_MAX, true).wire,
            "a\x80"
            "b\r\n");
  EXPECT_EQ(form(raw, 1, true), form(raw, SIZE_MAX, true));
}

TEST(WireForm, EveryCutOfEveryShortTextGivesTheSame) {
  constexpr std::string_view alphabet("a.\r\n\0", 5);
  for (std::size_t length = 0; length <= 6; ++length) {
    std::size_t count = 1;
    for (std::size_t i = 0; i < length; ++i) count *= alphabet.size();
    for (std::size_t number = 0; number < count; ++number) {
      std::string raw;
      for (std::size_t i = 0, rest = number; i < length; ++i, rest /= alphabet.size()) raw += alphabet[rest % 5];
      const Formed wanted = expected(raw);
      for (std::size_t slice = 1; slice <= length + 1; ++slice) ASSERT_EQ(form(raw, slice), wanted) << number;
      ASSERT_EQ(form(raw, 2, true), expected(raw, true)) << number;
    }
  }
}

TEST(WireForm, LongTextsInRandomSlicesGiveTheSame) {  // lines of 100,000 octets among them
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    std::string raw;
    while (raw.size() < 300'000) {
      raw.append(random() % (round % 3 ? 200 : 100'001), static_cast<char>('a' + random() % 26));
      constexpr std::string_view ends[] = {"\r\n", "\n", "\r\n.", "\n.\n", "\r", "\r\n\r\n"};
      raw += ends[random() % 6];
    }
    const Formed wanted = expected(raw);
    WireFormer former;
    std::string wire;
    for (std::size_t at = 0; at < raw.size();) {
      const std::size_t slice = 1 + random() % 5000;
      former.feed(octets_of(raw).subspan(at, std::min(slice, raw.size() - at)), wire);
      at += slice;
    }
    former.finish(wire);
    ASSERT_EQ(wire, wanted.wire);
    ASSERT_EQ(former.crc32c(), wanted.crc);
    ASSERT_EQ(former.octets(), wanted.octets);
    ASSERT_EQ(former.header_octets(), wanted.header_octets);
  }
}

TEST(WireForm, NothingHoldsABareLfSoNothingLooksLikeARecord) {  // M1, M20
  for (std::string_view raw : {"\x8dR\nP", "a\n\x8dR\nP", "\r\n\n\x8dR\nP"}) {
    const std::string wire = form(raw).wire;
    for (std::size_t i = 0; i < wire.size(); ++i)
      if (wire[i] == '\n') {
        EXPECT_TRUE(i > 0 && wire[i - 1] == '\r');
      }
    EXPECT_EQ(wire.find("R\nP"), std::string::npos);
  }
}

}  // namespace
}  // namespace ringpost::store
