#include <gtest/gtest.h>
#include <random>
#include <vector>

#include <ringpost/pop3/command_reader.h>

namespace ringpost::pop3 {
namespace {

using namespace std::string_view_literals;

// What a reader makes of `text` when it comes in slices of the given sizes (the last one repeats).
std::vector<std::string> read_in(std::string_view text, std::vector<std::size_t> slices) {
  CommandReader reader;
  std::vector<std::string> heard;
  std::size_t turn = 0;
  while (!text.empty()) {
    const std::size_t size = std::min(text.size(), slices[std::min(turn++, slices.size() - 1)]);
    std::string slice(text.substr(0, size));  // its own memory, so that a view that outlives it shows under ASan
    std::string_view left = slice;
    while (!left.empty()) {
      const auto step = reader.feed(octets_of(left));
      if (step.got == CommandReader::Got::line) heard.emplace_back(step.line);
      if (step.got == CommandReader::Got::too_long) heard.emplace_back("<too long>");
      if (step.consumed == 0) {
        ADD_FAILURE() << "stuck";
        return heard;
      }
      left.remove_prefix(step.consumed);
    }
    text.remove_prefix(size);
  }
  return heard;
}

std::vector<std::string> read(std::string_view text) {
  const auto whole = read_in(text, {text.size()});
  EXPECT_EQ(whole, read_in(text, {1}));
  for (std::size_t first = 1; first < text.size(); first += 1 + text.size() / 300)
    EXPECT_EQ(whole, read_in(text, {first, text.size()})) << first;
  return whole;
}

using Lines = std::vector<std::string>;

TEST(CommandReader, GivesLinesWithoutTheirEndsInAnySlices) {
  EXPECT_EQ(read("USER a\r\nPASS b c \r\n\r\nQUIT\r\nrest"), (Lines{"USER a", "PASS b c ", "", "QUIT"}));
}

TEST(CommandReader, ALineFeedAloneEndsALineToo) {
  EXPECT_EQ(read("STAT\nQUIT\r\n\n"), (Lines{"STAT", "QUIT", ""}));
}

TEST(CommandReader, ACarriageReturnInsideALineStaysThere) {
  EXPECT_EQ(read("A\rB\r\n\r\r\n"), (Lines{"A\rB", "\r"}));
}

TEST(CommandReader, NulsAndEightBitOctetsStay) {
  EXPECT_EQ(read("PASS \0\xff\xc3\xa4\r\n"sv), (Lines{std::string("PASS \0\xff\xc3\xa4"sv)}));
}

// X010: 255 octets with CRLF are taken, 256 are not; X011: one refusal, and never two commands.
TEST(CommandReader, TheLimitIsTwoHundredAndFiftyFiveOctetsWithTheLineEnd) {
  for (std::size_t length = 250; length < 260; ++length) {
    const std::string line(length, 'x');
    const Lines expected = {length + 2 <= 255 ? line : "<too long>", "QUIT"};
    EXPECT_EQ(read(line + "\r\nQUIT\r\n"), expected) << length;
  }
  EXPECT_EQ(read(std::string(254, 'x') + "\nQUIT\r\n"), (Lines{std::string(254, 'x'), "QUIT"}));
}

TEST(CommandReader, ATooLongLineEndsAtItsCrlfOnly) {
  for (std::size_t length : {254U, 255U, 256U, 257U, 1000U, 100000U}) {
    const std::string line(length, 'x');
    EXPECT_EQ(read_in(line + "DELE 1\r\nQUIT\r\n", {7}), (Lines{"<too long>", "QUIT"})) << length;
    EXPECT_EQ(read_in(line + "x\nDELE 1\rDELE 2\n\r\r\nQUIT\r\n", {5}), (Lines{"<too long>", "QUIT"})) << length;
  }
  // The CR is the octet that is one too much, or the last one that was still held.
  EXPECT_EQ(read(std::string(254, 'x') + "\r\nQUIT\r\n"), (Lines{"<too long>", "QUIT"}));
  EXPECT_EQ(read(std::string(255, 'x') + "\r\nQUIT\r\n"), (Lines{"<too long>", "QUIT"}));
}

// A008: only the line that was asked for.
TEST(CommandReader, ALongLineIsTakenWhereOneIsExpectedAndOnlyThere) {
  const std::string token(12000, 'T');
  for (std::size_t slice : {1U, 100U, 5000U, 20000U}) {
    CommandReader reader;
    reader.expect_long();
    std::string text = token + "\r\n" + token + "\r\nQUIT\r\n";
    std::string_view left = text;
    Lines heard;
    while (!left.empty()) {
      const auto step = reader.feed(octets_of(left.substr(0, slice)));
      if (step.got == CommandReader::Got::line) heard.emplace_back(step.line);
      if (step.got == CommandReader::Got::too_long) heard.emplace_back("<too long>");
      left.remove_prefix(step.consumed);
    }
    EXPECT_EQ(heard, (Lines{token, "<too long>", "QUIT"})) << slice;
  }
}

TEST(CommandReader, ALongLineHasALimitToo) {
  CommandReader reader;
  reader.expect_long(1000);
  const std::string text = std::string(999, 'T') + "\r\nQUIT\r\n";
  auto step = reader.feed(octets_of(text));
  EXPECT_EQ(step.got, CommandReader::Got::too_long);
  step = reader.feed(octets_of(std::string_view(text).substr(step.consumed)));
  EXPECT_EQ(step.line, "QUIT");
}

TEST(CommandReader, WipedItHoldsNothingAndReadsOn) {
  CommandReader reader;
  reader.feed(octets_of("PASS secr"));
  auto step = reader.feed(octets_of("et\r\n"));
  ASSERT_EQ(step.line, "PASS secret");
  const char* inside = step.line.data();
  reader.wipe();
  EXPECT_EQ(std::string_view(inside, 11), std::string(11, '\0'));
  EXPECT_EQ(reader.feed(octets_of("QUIT\r\n")).line, "QUIT");
}

TEST(CommandReader, RandomOctetsInRandomSlicesReadAsInOneSlice) {
  std::mt19937 chance(1939);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int at = 0; at < 1500; ++at) text += "ab \r\n"[chance() % (round % 2 ? 5 : 200) % 5];
    std::vector<std::size_t> slices;
    for (int at = 0; at < 2000; ++at) slices.push_back(1 + chance() % (1 + chance() % 300));
    EXPECT_EQ(read_in(text, {text.size()}), read_in(text, slices));
  }
}

}  // namespace
}  // namespace ringpost::pop3
