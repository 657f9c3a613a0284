// Sessions over minutes and hours, in virtual time: the real numbers, without the wait.
#include <gtest/gtest.h>

#include "sim_house.h"

namespace ringpost::pop3 {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// P011 P012 R026
TEST(SessionTime, ANoopEveryNineMinutesKeepsASessionForHours) {
  SimHouse house;
  house.deliver("anna", "x\n");
  auto client = house.connect();
  ASSERT_TRUE(client->login().starts_with("+OK 1"));
  for (int turn = 0; turn < 20; ++turn) {
    house.pass(minutes(9));
    ASSERT_EQ(client->ask("NOOP"), "+OK") << turn;
  }
  EXPECT_TRUE(client->ask("RETR 1").starts_with("+OK"));
}

// P011 P013 P036: never before its time, soon behind it, without an answer, and nothing is deleted.
TEST(SessionTime, ThirtyMinutesOfSilenceEndASession) {
  SimHouse house;
  house.deliver("anna", "x\n");
  auto client = house.connect();
  client->login();
  ASSERT_EQ(client->ask("DELE 1"), "+OK marked as deleted");
  house.pass(minutes(29) + seconds(59));
  ASSERT_EQ(house.living(), 1U);
  house.pass(seconds(3));
  EXPECT_EQ(house.living(), 0U);
  EXPECT_EQ(client->line(), "<end>");
  auto again = house.connect();
  EXPECT_TRUE(again->login().starts_with("+OK 1"));
}

// P014
TEST(SessionTime, AMinuteWithoutALoginEndsAConnectionWhateverItSays) {
  SimHouse house;
  auto client = house.connect();
  client->line();
  for (int turn = 0; turn < 5; ++turn) {
    house.pass(seconds(11));
    ASSERT_EQ(client->ask("USER anna"), "+OK now the password");
  }
  house.pass(seconds(7));
  EXPECT_EQ(client->line(), "<end>");
}

// A8 X021: what is announced is what is enforced.
TEST(SessionTime, ALoginDelayIsOverWhenItIsOver) {
  HouseSettings settings;
  settings.server().login_delay = seconds(60);
  SimHouse house(settings);
  auto first = house.connect();
  first->login();
  EXPECT_TRUE(first->ask("QUIT").starts_with("+OK"));
  house.pass(seconds(58));
  auto second = house.connect();
  EXPECT_TRUE(second->login().starts_with("-ERR [LOGIN-DELAY]"));
  house.pass(seconds(3));
  second->ask("USER anna");
  EXPECT_TRUE(second->ask("PASS secret").starts_with("+OK"));
}

// P046 DESIGN 7: the answer leaves on the grid, a line later with every failure.
TEST(SessionTime, RefusalsLeaveOnTheGrid) {
  HouseSettings settings;
  settings.configuration.accounts.failure_grid = milliseconds(250);
  SimHouse house(settings);
  auto client = house.connect();
  client->line();
  for (int failure = 1; failure <= 4; ++failure) {
    client->ask(failure % 2 ? "USER anna" : "USER nobody");
    const Instant asked = house.world().now();
    EXPECT_TRUE(client->ask("PASS wrong").starts_with("-ERR [AUTH]"));
    const Duration took = house.world().now() - asked;
    EXPECT_GE(took, milliseconds(250) * failure);
    EXPECT_LT(took, milliseconds(250) * failure + milliseconds(100));
  }
}

// --- M13: the holder is taken for dead only when it is -----------------------------------------------------------------

TEST(TakeOver, TheSameClientTakesOverFromASessionWhosePeerIsGone) {
  SimHouse house;
  house.deliver("anna", "x\n");
  auto dead = house.connect(7);
  dead->login();
  dead->ask("DELE 1");
  dead->go_silent();
  house.pass(seconds(11));
  auto client = house.connect(7);
  const Instant asked = house.world().now();
  EXPECT_TRUE(client->login().starts_with("+OK 1"));  // and nothing was deleted
  EXPECT_LT(house.world().now() - asked, seconds(6));
  EXPECT_TRUE(house.logged("session", "end=taken over"));
  EXPECT_TRUE(client->ask("QUIT").starts_with("+OK"));
}

TEST(TakeOver, ALivingSessionStaysHoweverLongItIsSilent) {
  SimHouse house;
  auto holder = house.connect(7);
  holder->login();
  house.pass(minutes(5));
  auto client = house.connect(7);
  EXPECT_TRUE(client->login().starts_with("-ERR [IN-USE]"));
  EXPECT_EQ(holder->ask("NOOP"), "+OK");
}

TEST(TakeOver, AnotherAddressTakesNothingOver) {
  SimHouse house;
  auto dead = house.connect(7);
  dead->login();
  dead->go_silent();
  house.pass(minutes(5));
  auto client = house.connect(8);
  EXPECT_TRUE(client->login().starts_with("-ERR [IN-USE]"));
}

// R019: a peer that vanishes in the middle of an answer is found by TCP's retransmissions.
TEST(TakeOver, ADownloadWhosePeerIsGoneIsTakenOver) {
  SimHouse house;
  std::string text = "Subject: large\n\n";
  while (text.size() < 3'000'000) text += "0123456789012345678901234567890123456789\n";
  house.deliver("anna", text);
  auto dead = house.connect(7);
  dead->login();
  dead->send("RETR 1\r\n");
  dead->line();
  dead->go_silent();
  house.pass(seconds(15));
  auto client = house.connect(7);
  EXPECT_TRUE(client->login().starts_with("+OK 1"));
}

TEST(TakeOver, ASlowReaderIsNotDead) {
  SimHouse house;
  std::string text = "Subject: large\n\n";
  while (text.size() < 3'000'000) text += "0123456789012345678901234567890123456789\n";
  house.deliver("anna", text);
  auto slow = house.connect(7);
  slow->login();
  slow->send("RETR 1\r\n");
  slow->line();
  house.pass(seconds(60));  // it reads nothing, and its kernel answers
  auto client = house.connect(7);
  EXPECT_TRUE(client->login().starts_with("-ERR [IN-USE]"));
}

}  // namespace
}  // namespace ringpost::pop3
