// The summary (M15): cheap to index, append-only where it is lent, small.
#include "../../src/store/summary.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

namespace ringpost::store {
namespace {

MessageEntry entry_of(std::uint64_t sequence, std::string_view uidl) {
  return {.sequence = {sequence},
          .log_offset = sequence * 640,
          .octets = sequence + 5,
          .reply_octets = sequence + 99,
          .reply_skip = 117,
          .header_octets = 7,
          .uidl = uidl};
}

std::string uidl_of(std::uint64_t sequence) {
  // Short ones lie in the entry, long ones beside it.
  return sequence % 7 == 0 ? std::string(70, 'x') + std::to_string(sequence) : "u" + std::to_string(sequence);
}

void expect_is(const MessageEntry& entry, std::uint64_t sequence) {
  EXPECT_EQ(entry.sequence.value, sequence);
  EXPECT_EQ(entry.log_offset, sequence * 640);
  EXPECT_EQ(entry.octets, sequence + 5);
  EXPECT_EQ(entry.uidl, uidl_of(sequence).substr(0, 70));
}

TEST(SummaryTest, AMessageTakes64OctetsAndItsStatusLineIsCounted) {
  EXPECT_EQ(sizeof(PackedEntry), 64U);
  Summary summary;
  for (std::uint64_t i = 1; i <= 100000; ++i) summary.add(entry_of(i, "abcdefghijklmnopqrst"));
  EXPECT_LE(summary.memory() / 100000, 65U);
  EXPECT_EQ(summary.entry(994).octets, 1000U);
  EXPECT_EQ(summary.entry(994).status_line_octets, std::string("+OK 1000 octets\r\n").size());
}

// P022: what a session sees does not move, whatever comes or goes.
TEST(SummaryTest, ASnapshotStaysAsItWasWhileMailComesAndGoes) {
  Summary summary;
  for (std::uint64_t i = 1; i <= 20; ++i) summary.add(entry_of(i, uidl_of(i).substr(0, 70)));
  const auto pin = summary.list();
  const Snapshot before = summary.snapshot({});
  for (std::uint64_t i = 21; i <= 3000; ++i) summary.add(entry_of(i, uidl_of(i).substr(0, 70)));
  summary.remove(std::vector<std::uint32_t>{0, 5, 19, 2000});
  EXPECT_EQ(before.count(), 20U);
  for (std::uint32_t i = 0; i < 20; ++i) expect_is(before.entry({i}), i + 1);
  EXPECT_EQ(summary.count(), 2996U);
  expect_is(summary.entry(0), 2);
  expect_is(summary.entry(2995), 3000);
}

TEST(SummaryTest, AnyDeletionsInAnyOrderLeaveTheRestInOrder) {
  std::mt19937 chance(5);  // a fixed seed: the same deletions each time
  for (int round = 0; round < 20; ++round) {
    Summary summary;
    std::vector<std::uint64_t> expected;
    std::uint64_t next = 1;
    for (int step = 0; step < 12; ++step) {
      const std::uint64_t more = chance() % 1500;
      for (std::uint64_t i = 0; i < more; ++i, ++next) {
        summary.add(entry_of(next, uidl_of(next).substr(0, 70)));
        expected.push_back(next);
      }
      std::vector<std::uint32_t> gone;
      const std::uint64_t one_in = 1 + chance() % 40;
      for (std::uint32_t i = 0; i < expected.size(); ++i)
        if (chance() % one_in == 0) gone.push_back(i);
      summary.remove(gone);
      for (auto at = gone.rbegin(); at != gone.rend(); ++at) expected.erase(expected.begin() + *at);
      ASSERT_EQ(summary.count(), expected.size());
      std::uint64_t octets = 0;
      for (std::uint32_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(summary.entry(i).sequence.value, expected[i]);
        ASSERT_EQ(summary.find({expected[i]}), i);
        octets += expected[i] + 5;
      }
      ASSERT_EQ(summary.octets_in_all(), octets);
      ASSERT_EQ(summary.find({next}), summary.count());
    }
  }
}

TEST(SummaryTest, NumbersOutsideTheListAreNoMessages) {  // P023
  Summary summary;
  summary.add(entry_of(1, "u1"));
  const Snapshot snapshot = summary.snapshot({});
  EXPECT_EQ(snapshot.index_of({0}).error(), StoreError::no_such_message);
  EXPECT_EQ(snapshot.index_of({1})->value, 0U);
  EXPECT_EQ(snapshot.index_of({2}).error(), StoreError::no_such_message);
}

}  // namespace
}  // namespace ringpost::store
