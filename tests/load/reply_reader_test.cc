#include "reply_reader.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace ringpost::load {
namespace {

struct Read {
  Verdict verdict;
  std::size_t consumed;
  std::uint64_t octets;
  std::string text, listing, fault;
};

// Feeds `input` in slices of `size` octets until the answer ends.
Read read(Form form, std::string_view input, std::size_t size) {
  ReplyReader reader;
  reader.begin(form);
  Read read{Verdict::more, 0, 0, {}, {}, {}};
  while (read.verdict == Verdict::more && read.consumed < input.size()) {
    // A copy of its own, so that a look beyond the slice is seen by the address sanitizer.
    std::string slice{input.substr(read.consumed, size)};
    auto fed = reader.feed(octets_of(slice));
    read.verdict = fed.verdict;
    read.consumed += fed.consumed;
  }
  read.octets = reader.octets();
  read.text = reader.text();
  read.listing = reader.listing();
  read.fault = reader.fault();
  return read;
}

std::string stuffed(std::string_view message) {
  std::string out;
  for (std::size_t i = 0; i < message.size(); ++i) {
    if (message[i] == '.' && (i == 0 || message[i - 1] == '\n')) out += '.';
    out += message[i];
  }
  return out;
}

// Lines of all lengths around the reader's block of 64, some empty, some with dots in front, some with a bare CR.
std::string sample_message() {
  std::mt19937 random{3};
  std::string message;
  for (int i = 0; i < 300; ++i) {
    if (random() % 9 == 0) message += std::string(random() % 3 + 1, '.');
    for (auto left = random() % 140; left > 0; --left) message += static_cast<char>('a' + random() % 26);
    if (random() % 11 == 0) message += "x\rx";
    if (random() % 13 == 0) message += '\r';
    message += "\r\n";
  }
  return message;
}

TEST(ReplyReader, ReadsASingleLineWhereverItIsCut) {
  for (std::size_t size = 1; size < 20; ++size) {
    auto found = read(Form::single_line, "+OK 2 320\r\n+OK next\r\n", size);
    EXPECT_EQ(found.verdict, Verdict::complete);
    EXPECT_EQ(found.consumed, 11u);
    EXPECT_EQ(found.text, "2 320");
  }
}

TEST(ReplyReader, ReadsAMessageWhereverItIsCut) {  // P018 P020
  auto message = sample_message();
  auto answer = "+OK\r\n" + stuffed(message) + ".\r\n";
  for (std::size_t size = 1; size < 300; ++size) {
    auto found = read(Form::message, answer + "+OK", size);
    ASSERT_EQ(found.verdict, Verdict::complete) << "slices of " << size;
    ASSERT_EQ(found.consumed, answer.size()) << "slices of " << size;
    ASSERT_EQ(found.octets, message.size()) << "slices of " << size;
  }
}

TEST(ReplyReader, ReadsAMessageCutInTwoAtEveryPlace) {
  auto message = sample_message().substr(0, 3000) + "\r\n";
  auto answer = "+OK 3002 octets\r\n" + stuffed(message) + ".\r\n";
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    ReplyReader reader;
    reader.begin(Form::message);
    std::string first = answer.substr(0, cut), second = answer.substr(cut);
    ASSERT_EQ(reader.feed(octets_of(first)).verdict, Verdict::more);
    ASSERT_EQ(reader.feed(octets_of(second)).verdict, Verdict::complete);
    ASSERT_EQ(reader.octets(), message.size());
  }
}

TEST(ReplyReader, KeepsTheLinesOfAListing) {
  for (std::size_t size : {1, 2, 3, 7, 100}) {
    auto found = read(Form::listing, "+OK\r\n1 abc\r\n2 ..x\r\n...\r\n.\r\n", size);
    EXPECT_EQ(found.verdict, Verdict::complete);
    EXPECT_EQ(found.listing, "1 abc\r\n2 ..x\r\n..\r\n");
  }
}

TEST(ReplyReader, AnEmptyMultiLineAnswerHasNoOctets) {
  auto found = read(Form::message, "+OK\r\n.\r\n", 100);
  EXPECT_EQ(found.verdict, Verdict::complete);
  EXPECT_EQ(found.octets, 0u);
}

TEST(ReplyReader, ARefusalHasNoFurtherLinesEvenWhereOnesWereExpected) {
  auto found = read(Form::listing, "-ERR [IN-USE] locked\r\n+OK\r\n", 5);
  EXPECT_EQ(found.verdict, Verdict::refused);
  EXPECT_EQ(found.consumed, 22u);
  EXPECT_EQ(found.text, "[IN-USE] locked");
}

TEST(ReplyReader, TakesNothingThatIsNoAnswer) {
  for (auto wrong : {"+ok\r\n", "OK\r\n", "+OKAY\r\n", "-ERROR\r\n", "\r\n", "+OK\n", "+OK\rx", "* OK\r\n"})
    for (std::size_t size : {1, 100})
      EXPECT_EQ(read(Form::single_line, wrong, size).verdict, Verdict::malformed) << wrong;
  EXPECT_EQ(read(Form::single_line, "+OK " + std::string(506, 'x') + "\r\n", 1000).verdict, Verdict::complete);
  EXPECT_EQ(read(Form::single_line, "+OK " + std::string(507, 'x') + "\r\n", 1000).verdict, Verdict::malformed);
}

TEST(ReplyReader, NoticesUnstuffedDotsAndBareLineFeedsAnywhereInAMessage) {
  std::string line(70, 'a');
  for (int before = 0; before < 5; ++before) {
    std::string lines = "+OK\r\n";
    for (int i = 0; i < before; ++i) lines += line + "\r\n";
    for (auto wrong : {".x\r\n", ".\rx", "a\nb\r\n", "\n", "\r\n\n"})
      for (std::size_t size : {1, 64, 65, 1000})
        EXPECT_EQ(read(Form::message, lines + wrong + line + line + "\r\n.\r\n", size).verdict, Verdict::malformed)
            << before << " lines, then " << wrong;
  }
}

}  // namespace
}  // namespace ringpost::load
