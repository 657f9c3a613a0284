#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <ringpost/store/mbox.h>

namespace ringpost::store {
namespace {

struct Collected : MboxSink {
  std::vector<std::string> messages;
  std::vector<WallTime> times;
  bool open = false;
  void message_begins(WallTime received) override {
    EXPECT_FALSE(open);
    open = true;
    messages.emplace_back();
    times.push_back(received);
  }
  void message_octets(Octets octets) override {
    EXPECT_TRUE(open);
    messages.back() += text_of(octets);
  }
  void message_ends() override {
    EXPECT_TRUE(open);
    open = false;
  }
};

struct Split {
  std::vector<std::string> messages;
  std::vector<WallTime> times;
  std::vector<std::uint64_t> doubtful_lines;
  bool is_mbox = true;
};

Split split(std::string_view file, std::size_t slice, MboxQuoting quoting = MboxQuoting::mboxrd) {
  Collected sink;
  MboxSplitter splitter(sink, quoting);
  bool ours = true;
  for (std::size_t at = 0; at < file.size() && ours; at += slice)
    ours = splitter.feed(octets_of(file.substr(at, slice)));
  ours = ours && splitter.finish();
  EXPECT_FALSE(sink.open && ours);
  return {sink.messages, sink.times, splitter.doubtful_lines(), ours};
}

// The same whatever the slices are.
Split split_in_every_way(std::string_view file) {
  auto whole = split(file, file.size() + 1);
  for (std::size_t slice : {1, 2, 3, 7, 64, 4096}) {
    auto again = split(file, slice);
    EXPECT_EQ(again.messages, whole.messages) << slice;
    EXPECT_EQ(again.doubtful_lines, whole.doubtful_lines) << slice;
  }
  return whole;
}

TEST(Mbox, EmptyLineBeforeASeparatorBelongsToTheFormatAndOthersToTheMessage) {
  auto got = split_in_every_way(
      "From a@b Thu Jan  1 00:00:10 1970\nSubject: 1\n\nbody\n\n\n"
      "From a@b Thu Jan  1 00:00:20 1970\nSubject: 2\n\nend\n\n");
  EXPECT_EQ(got.messages, (std::vector<std::string>{"Subject: 1\n\nbody\n\n", "Subject: 2\n\nend\n"}));
  EXPECT_EQ(got.times[0].microseconds, 10'000'000);
  EXPECT_EQ(got.times[1].microseconds, 20'000'000);
}

// R063
TEST(Mbox, FromInABodyNeverSplitsAMessageUnlessItIsAWholeSeparatorBehindAnEmptyLine) {
  auto got = split_in_every_way(
      "From a@b Thu Jan  1 00:00:10 1970\n"
      "Subject: 1\n\n"
      "text\n"
      "From behind text\n"
      "From me@x Thu Jan  1 00:00:10 1970\n"
      "\n"
      "From behind an empty line, no date\n"
      "\n"
      "From base64LikeText+/AAAA\n"
      "\n"
      ">From quoted\n>>From quoted twice\n> From not quoted\n");
  ASSERT_EQ(got.messages.size(), 1u);
  EXPECT_NE(got.messages[0].find("\nFrom me@x"), std::string::npos);
  EXPECT_NE(got.messages[0].find("\nFrom quoted\n>From quoted twice\n> From not quoted\n"), std::string::npos);
  EXPECT_EQ(got.doubtful_lines, (std::vector<std::uint64_t>{5, 6, 8, 10}));
}

TEST(Mbox, SeparatorThatNoHeaderFollowsSplitsAndIsNamed) {
  auto got = split_in_every_way(
      "From a@b Thu Jan  1 00:00:10 1970\nSubject: 1\n\n"
      "From c@d Fri Jan  2 00:00:10 1970\nI only quote somebody\n");
  EXPECT_EQ(got.messages.size(), 2u);
  EXPECT_EQ(got.doubtful_lines, (std::vector<std::uint64_t>{4}));
}

TEST(Mbox, CrlfFilesKeepTheirLineEnds) {
  auto got = split_in_every_way(
      "From a@b Thu Jan  1 00:00:10 1970\r\nSubject: 1\r\n\r\nbody\r\n\r\n"
      "From a@b Thu Jan  1 00:00:20 1970\r\n\r\n>From x\r\n");
  EXPECT_EQ(got.messages, (std::vector<std::string>{"Subject: 1\r\n\r\nbody\r\n", "\r\nFrom x\r\n"}));
}

TEST(Mbox, WithoutQuotingNothingIsTakenAway) {
  auto got = split("From a@b Thu Jan  1 00:00:10 1970\nA: b\n\n>From x\n", 5, MboxQuoting::none);
  EXPECT_EQ(got.messages, (std::vector<std::string>{"A: b\n\n>From x\n"}));
}

TEST(Mbox, LinesAroundTheKeptMaximumComeWhole) {
  for (std::size_t length : {mbox_line_kept_max - 2, mbox_line_kept_max - 1, mbox_line_kept_max, mbox_line_kept_max + 1,
                             std::size_t{100'000}}) {
    std::string line = ">From " + std::string(length - 6, 'x');
    std::string file = "From a@b Thu Jan  1 00:00:10 1970\nA: b\n\n" + line + "\nlast";
    auto got = split_in_every_way(file);
    ASSERT_EQ(got.messages.size(), 1u) << length;
    EXPECT_EQ(got.messages[0], "A: b\n\n" + line.substr(1) + "\nlast") << length;
  }
}

TEST(Mbox, DatesWithZonesAndWithoutSeconds) {
  WallTime received;
  EXPECT_TRUE(is_mbox_separator("From a@b Thu Jan  1 01:00:10 1970 +0100", received));
  EXPECT_EQ(received.microseconds, 10'000'000);
  EXPECT_TRUE(is_mbox_separator("From - Thu Jan 01 00:01 MET 1970", received));
  EXPECT_EQ(received.microseconds, 60'000'000);
  EXPECT_TRUE(is_mbox_separator("From \"a b\"@c Thu Jan  1 00:00:01 1970 remote from x", received));
  EXPECT_FALSE(is_mbox_separator("From me, Thu Jan 1 it rained", received));
  EXPECT_FALSE(is_mbox_separator("From: a Thu Jan  1 00:00:01 1970", received));
  EXPECT_FALSE(is_mbox_separator("From a Thu Jan 32 00:00:01 1970", received));
}

TEST(Mbox, WhatIsNoMboxIsSaidSo) {
  EXPECT_FALSE(split("Subject: a message, not an mbox\n\nx\n", 7).is_mbox);
  EXPECT_FALSE(split(std::string(10'000, 'x'), 4096).is_mbox);
  EXPECT_TRUE(split("", 1).is_mbox);
  EXPECT_TRUE(split("\n\nFrom a@b Thu Jan  1 00:00:10 1970\nA: b\n\n", 1).is_mbox);
}

}  // namespace
}  // namespace ringpost::store
