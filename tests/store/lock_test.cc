// The lock (M12, M13), snapshots (M14, P022), and that no ending of a session keeps it (R019, P038).
#include <chrono>
#include <gtest/gtest.h>

#include "real_store.h"

namespace ringpost::store {
namespace {

using namespace std::chrono_literals;

class LockTest : public RealStore {
 protected:
  std::expected<Lease, StoreError> open(Person& person) { return run(maildrops->open("alice", person)); }
  void close(std::expected<Lease, StoreError>& lease) { EXPECT_TRUE(run(maildrops->close(std::move(*lease), {}))); }
};

TEST_F(LockTest, ASecondLoginIsRefusedAtOnceAndSucceedsAfterTheFirstHasClosed) {  // P017, R019
  Person first(proactor);
  Person second(proactor);
  auto held = open(first);
  ASSERT_TRUE(held);
  const Instant asked = proactor.now();
  EXPECT_EQ(open(second).error(), StoreError::in_use);
  EXPECT_LT(proactor.now() - asked, 1s);
  EXPECT_EQ(maildrops->counters().in_use, 1U);
  close(held);
  auto again = open(second);
  ASSERT_TRUE(again);
  close(again);
}

// M12: asked first, then waited for.
TEST_F(LockTest, ALoginWaitsForAHolderWhoIsEnding) {
  Person first(proactor);
  Person second(proactor);
  auto held = open(first);
  first.is_ending = true;
  std::optional<std::expected<Lease, StoreError>> got;
  const auto contend = [](Maildrops& store, Person& person, auto& result) -> ring::Task<void> {
    auto lease = co_await store.open("alice", person);
    result.emplace(std::move(lease));
  };
  const auto release = [](ring::Proactor& core, Maildrops& store, Lease lease, auto& result) -> ring::Task<void> {
    ring::Pause pause(core, core.now() + 50ms);
    co_await pause;
    EXPECT_FALSE(result.has_value()) << "not before the close has arrived";
    auto closed = co_await store.close(std::move(lease), {});
    EXPECT_TRUE(closed);
  };
  ring::spawn(gate, contend(*maildrops, second, got));
  ring::spawn(gate, release(proactor, *maildrops, std::move(*held), got));
  proactor.run_until_idle();
  ASSERT_TRUE(got.has_value() && got->has_value());
  close(*got);
}

TEST_F(LockTest, AContenderWaitsFiveSecondsAtMost) {  // M13
  Person first(proactor);
  Person second(proactor);
  auto held = open(first);
  first.is_ending = true;  // and its close never comes in time
  const Instant asked = proactor.now();
  EXPECT_EQ(open(second).error(), StoreError::in_use);
  EXPECT_GE(proactor.now() - asked, 5s);
  EXPECT_LT(proactor.now() - asked, 6s);
  close(held);
}

TEST_F(LockTest, NoTakeOverFromAnotherAddressOrInUpdateOrSoon) {  // M13
  Person first(proactor);
  auto held = open(first);
  first.queued = 1000;
  Person elsewhere(proactor, "192.0.2.9");
  first.heard = proactor.now() - 1h;
  EXPECT_EQ(open(elsewhere).error(), StoreError::in_use);
  Person second(proactor);
  first.in_update = true;
  EXPECT_EQ(open(second).error(), StoreError::in_use);
  first.in_update = false;
  first.heard = proactor.now();
  EXPECT_EQ(open(second).error(), StoreError::in_use);
  EXPECT_FALSE(first.told_to_end);
  close(held);
}

// P022, M15: later mail shows in the next session; P036: an ending without UPDATE removes nothing.
TEST_F(LockTest, MailThatArrivesDuringASessionShowsInTheNextOne) {
  ASSERT_TRUE(deliver("alice", "one"));
  Person person(proactor);
  auto lease = open(person);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(deliver("alice", "more"));
  EXPECT_EQ(lease->snapshot().count(), 1U);
  EXPECT_EQ(run(read_all(proactor, *maildrops, *lease)).at(0).reply, reply_to("one"));
  close(lease);
  EXPECT_EQ(visit("alice").messages.size(), 41U);
}

// M14, R022: a reader keeps what it was lent while others delete.
TEST_F(LockTest, AReaderKeepsItsMessagesWhileASessionDeletesThem) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(deliver("alice", "mail " + std::to_string(i)));
  auto reader = run(maildrops->open_reader("alice"));
  ASSERT_TRUE(reader);
  ASSERT_TRUE(visit("alice", {0, 1, 2}).closed);
  EXPECT_EQ(visit("alice").messages.size(), 0U);
  EXPECT_EQ(reader->snapshot().count(), 3U);
  EXPECT_EQ(run(read_all(proactor, *maildrops, *reader)).at(2).reply, reply_to("mail 2"));
  EXPECT_GT(std::filesystem::file_size(file_of("alice", "mail")), 0U) << "truncation waits for readers";
  run(maildrops->close_reader(std::move(*reader)));
  EXPECT_EQ(std::filesystem::file_size(file_of("alice", "mail")), 0U);
  EXPECT_EQ(run(maildrops->open_reader("nobody")).error(), StoreError::not_found);
}

TEST_F(LockTest, ANameThatNoMaildropMayBearIsRefused) {
  const std::string name(201, 'a');
  Person person(proactor);
  EXPECT_EQ(run(maildrops->open(name, person)).error(), StoreError::name_refused);
  EXPECT_EQ(deliver(name, "x").error(), StoreError::name_refused);
}

// R012: numbers 1..n in a steady order, new ones only at the end.
TEST_F(LockTest, TheOrderIsThatOfArrivalAlsoOverRestarts) {
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(deliver("alice", "mail " + std::to_string(i)));
    expected.push_back(reply_to("mail " + std::to_string(i)));
    if (i % 7 == 0) restart();
  }
  for (std::uint8_t i = 0; i < 5; ++i) {
    Mail old("old " + std::to_string(i));
    old.from(i).incoming.received = {1000 - i};
    ASSERT_TRUE(run(maildrops->append("alice", old.incoming)));
    expected.push_back(reply_to("old " + std::to_string(i)));
  }
  EXPECT_EQ(visit("alice").replies(), expected);
  restart();
  EXPECT_EQ(visit("alice").replies(), expected);
}

// M15: bounded; what is evicted is read again.
TEST_F(LockTest, SummariesOverTheBoundAreForgottenAndReadAgain) {
  settings.summary_octets_max = 16 << 10;
  restart();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(deliver("user" + std::to_string(i), "mail"));
  EXPECT_LE(maildrops->counters().summary_octets, 16U << 10);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(visit("user" + std::to_string(i)).messages.size(), 1U);
  EXPECT_LE(maildrops->counters().summary_octets, 16U << 10);
}

TEST_F(LockTest, DescriptorsOverTheBoundAreClosed) {
  settings.open_files_max = 4;
  restart();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(deliver("user" + std::to_string(i), "mail"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(visit("user" + std::to_string(i)).messages.at(0).reply, reply_to("mail"));
  EXPECT_LE(maildrops->counters().files_cached, 5U);
}

}  // namespace
}  // namespace ringpost::store
