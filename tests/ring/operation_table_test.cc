#include <gtest/gtest.h>

#include <ringpost/ring/operation_table.h>

namespace ringpost::ring {
namespace {

struct Deaf final : Operation {
  void completed(const Completion&) noexcept override {}
};

TEST(OperationTable, ACompletionFindsItsOperation) {
  OperationTable table;
  Deaf first;
  Deaf second;
  const auto first_tag = table.enter(first);
  const auto second_tag = table.enter(second);
  EXPECT_EQ(table.find(first_tag), &first);
  EXPECT_EQ(table.find(second_tag), &second);
  EXPECT_EQ(table.tag_of(first), first_tag);
  EXPECT_EQ(table.in_flight(), 2U);
  table.leave(first);
  table.leave(second);
  EXPECT_EQ(table.in_flight(), 0U);
}

TEST(OperationTable, ALateCompletionNeverReachesTheSlotsNextOwner) {
  OperationTable table;
  Deaf before;
  const auto late = table.enter(before);
  table.leave(before);
  EXPECT_EQ(table.find(late), nullptr);
  Deaf after;
  const auto tag = table.enter(after);
  ASSERT_EQ(after.slot, before.slot) << "slots are used again";
  EXPECT_EQ(table.find(late), nullptr);
  EXPECT_EQ(table.find(tag), &after);
  table.leave(after);
}

TEST(OperationTable, TagsOfOthersFindNobody) {
  OperationTable table;
  Deaf operation;
  const auto tag = table.enter(operation);
  EXPECT_EQ(table.find(OperationTable::foreign_slot), nullptr);
  EXPECT_EQ(table.find(tag + 1), nullptr);
  table.leave(operation);
}

TEST(OperationTable, SlotsAreReusedAndCountersMeetZero) {
  OperationTable table;
  for (int round = 0; round < 1000; ++round) {
    Deaf several[3];
    for (auto& operation : several) table.enter(operation);
    for (auto& operation : several) {
      EXPECT_LT(operation.slot, 3U);
      table.leave(operation);
    }
  }
  std::size_t living = 0;
  table.for_each([&](Operation&) { ++living; });
  EXPECT_EQ(living, 0U);
}

TEST(OperationTableDeath, StartingWhatIsInFlightStopsTheProcess) {
  OperationTable table;
  Deaf operation;
  table.enter(operation);
  EXPECT_DEATH(table.enter(operation), "in_flight");
  table.leave(operation);
}

}  // namespace
}  // namespace ringpost::ring
