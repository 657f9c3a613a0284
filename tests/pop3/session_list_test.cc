#include <gtest/gtest.h>

#include <ringpost/pop3/session_list.h>

namespace ringpost::pop3 {
namespace {

struct Listed final : ListedSession {
  Listed(std::string name, Duration silent) : account(std::move(name)), silence(silent) {}
  SessionFacts facts() const override { return {}; }
  Duration silent_for() const noexcept override { return silence; }
  bool logged_in() const noexcept override { return !account.empty(); }
  std::string_view account_name() const noexcept override { return account; }
  void end(ring::DoomReason reason) noexcept override { ended = reason; }
  bool was_ended() const { return ended != ring::DoomReason::none; }

  std::string account;
  Duration silence;
  ring::DoomReason ended = ring::DoomReason::none;
};

using std::chrono::seconds;

class SessionListTest : public ::testing::Test {
 protected:
  SessionListTest() {
    for (Listed* session : {&anna, &berta, &anna_again, &stranger}) list.enter(*session);
  }
  ~SessionListTest() override {
    for (Listed* session : {&anna, &berta, &anna_again, &stranger})
      if (session->id() != 0) list.leave(*session);
  }
  SessionList list{ring::CoreIndex{3}};
  Listed anna{"anna", seconds(5)}, berta{"berta", seconds(0)}, anna_again{"anna", seconds(0)}, stranger{"", seconds(0)};
};

TEST_F(SessionListTest, NumbersAreNeverGivenTwiceNorByTwoCores) {
  const auto id = berta.id();
  EXPECT_NE(id, anna.id());
  EXPECT_EQ(id >> 48, 3U);
  list.leave(berta);
  EXPECT_EQ(list.count(), 3U);
  list.enter(berta);
  EXPECT_NE(berta.id(), id);
  std::uint32_t seen = 0;
  list.for_each([&seen](const ListedSession&) { ++seen; });
  EXPECT_EQ(seen, 4U);
}

TEST_F(SessionListTest, KickEndsJustTheOneOrAllOfAnAccount) {
  EXPECT_EQ(list.kick(berta.id()), 1U);
  EXPECT_EQ(berta.ended, ring::DoomReason::kicked);
  EXPECT_FALSE(anna.was_ended());
  EXPECT_EQ(list.kick(999), 0U);
  EXPECT_EQ(list.kick_account("anna"), 2U);
  EXPECT_TRUE(anna.was_ended() && anna_again.was_ended());
  EXPECT_EQ(list.kick_account(""), 0U);  // who has not logged in has no account
  EXPECT_FALSE(stranger.was_ended());
}

TEST_F(SessionListTest, ADrainBeginsWithTheIdleAndTheStrangers) {
  EXPECT_EQ(list.end_idle(seconds(1), ring::DoomReason::shutdown), 2U);
  EXPECT_TRUE(anna.was_ended() && stranger.was_ended());
  EXPECT_EQ(list.end_all(ring::DoomReason::shutdown), 4U);
}

// R047
TEST_F(SessionListTest, AnAccountsLimitCountsDownAsSessionsEnd) {
  EXPECT_TRUE(list.enter_account("anna", 2));
  EXPECT_TRUE(list.enter_account("anna", 2));
  EXPECT_FALSE(list.enter_account("anna", 2));
  EXPECT_TRUE(list.enter_account("berta", 2));
  list.leave_account("anna");
  EXPECT_TRUE(list.enter_account("anna", 2));
  EXPECT_FALSE(list.enter_account("carl", 0));
  for (const char* name : {"anna", "anna", "berta"}) list.leave_account(name);
}

}  // namespace
}  // namespace ringpost::pop3
