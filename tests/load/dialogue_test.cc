#include "dialogue.h"

#include <gtest/gtest.h>

namespace ringpost::load {
namespace {

using State = Dialogue::State;
using namespace std::chrono_literals;

class DialogueTest : public ::testing::Test {
 protected:
  // The server says `answer`; gives what the client says then.
  std::string after(std::string_view answer) {
    now_ += 1ms;
    dialogue_.feed(octets_of(answer), now_);
    return std::exchange(dialogue_.output(), {});
  }
  void begin(std::uint64_t turn = 0, bool download = false) { dialogue_.begin(account_, turn, download, now_); }
  void log_in() {
    after("+OK ready\r\n");
    after("+OK\r\n");
    after("+OK\r\n");
  }
  // The numbers that a download of the given turn fetches.
  std::string fetched(std::uint64_t turn) {
    begin(turn, true);
    log_in();
    std::string numbers;
    auto command = after("+OK 5 50\r\n");
    while (command.starts_with("RETR ")) {
      numbers += command.substr(5, 1);
      command = after("+OK\r\nx\r\n.\r\n");
    }
    return numbers;
  }
  std::uint64_t failures(Failure kind) const { return tally_.failures_by_kind[static_cast<std::size_t>(kind)]; }

  Plan plan_;
  Tally tally_;
  Account account_{"ann", "se cret"};
  Dialogue dialogue_{plan_, tally_};
  Instant now_{1s};
};

TEST_F(DialogueTest, APollAsksOneThingAfterTheOther) {
  begin();
  EXPECT_EQ(after("+OK "), "");
  EXPECT_EQ(after("ready\r\n"), "USER ann\r\n");
  EXPECT_EQ(after("+OK\r\n"), "PASS se cret\r\n");
  EXPECT_EQ(after("+OK\r\n"), "STAT\r\n");
  EXPECT_EQ(after("+OK 2 30\r\n"), "UIDL\r\n");
  EXPECT_EQ(after("+OK\r\n1 a\r\n2 b\r\n.\r\n"), "QUIT\r\n");
  EXPECT_EQ(dialogue_.state(), State::going);
  EXPECT_EQ(after("+OK\r\n"), "");
  EXPECT_EQ(dialogue_.state(), State::ended);
  EXPECT_EQ(tally_.sessions.get(), 1u);
  EXPECT_EQ(tally_.session.max(), 7ms);
  EXPECT_EQ(tally_.steps[static_cast<std::size_t>(Step::greeting)].max(), 2ms);
  EXPECT_EQ(tally_.steps[static_cast<std::size_t>(Step::uidl)].max(), 1ms);
}

TEST_F(DialogueTest, DownloadsGoRoundTheirMessagesFromTurnToTurn) {
  plan_.listing = Listing::none;
  plan_.messages = 2;
  plan_.first_message = 2;
  EXPECT_EQ(fetched(0), "23");
  EXPECT_EQ(fetched(1), "45");
  EXPECT_EQ(fetched(2), "23");
  plan_.messages = 3;
  EXPECT_EQ(fetched(1), "523");
  plan_.messages = 0;
  EXPECT_EQ(fetched(0), "2345");
  plan_.last_message = 3;
  plan_.messages = 9;
  EXPECT_EQ(fetched(0), "23");
  plan_.first_message = plan_.last_message = 9;
  EXPECT_EQ(fetched(0), "");
  EXPECT_EQ(tally_.failures.get(), 0u);
}

TEST_F(DialogueTest, PipelinedDownloadsGoOutTogetherAndAreAnsweredInOrder) {
  plan_.listing = Listing::list;
  plan_.pipeline = true;
  begin(0, true);
  log_in();
  after("+OK 2 10\r\n");
  EXPECT_EQ(after("+OK\r\n1 3\r\n2 7\r\n.\r\n"), "RETR 1\r\nRETR 2\r\n");
  EXPECT_EQ(after("+OK\r\nx\r\n.\r\n+OK\r\nabc"), "");
  EXPECT_EQ(after("de\r\n.\r\n"), "QUIT\r\n");
  EXPECT_EQ(tally_.messages, 2u);
  EXPECT_EQ(tally_.message_octets, 10u);
}

TEST_F(DialogueTest, AnIdleSessionHoldsUntilItIsToldToLeave) {
  plan_.scenario = Scenario::idle;
  begin();
  log_in();
  EXPECT_EQ(dialogue_.state(), State::holding);
  dialogue_.leave(now_);
  EXPECT_EQ(dialogue_.output(), "QUIT\r\n");
  after("+OK\r\n");
  EXPECT_EQ(dialogue_.state(), State::ended);
}

TEST_F(DialogueTest, OctetsThatNobodyAskedForAreNoAnswer) {
  plan_.scenario = Scenario::idle;
  begin();
  log_in();
  after("+OK\r\n");
  EXPECT_EQ(dialogue_.state(), State::failed);
  EXPECT_EQ(failures(Failure::malformed), 1u);
}

TEST_F(DialogueTest, ARefusalIsKeptWithTheCommandThatMetIt) {
  begin();
  after("+OK\r\n");
  after("+OK\r\n");
  after("-ERR [AUTH] no\r\n");
  EXPECT_EQ(dialogue_.state(), State::failed);
  EXPECT_EQ(failures(Failure::refused), 1u);
  EXPECT_EQ(dialogue_.words(), "pass: -ERR [AUTH] no");
}

TEST_F(DialogueTest, AnswersThatContradictEachOtherAreFailures) {
  plan_.listing = Listing::both;
  auto with = [&](std::string_view stat, std::string_view uidl, std::string_view list, std::string_view message) {
    auto before = tally_.failures.get();
    begin(0, true);
    log_in();
    for (auto answer : {stat, uidl, list, message})
      if (dialogue_.state() != State::failed) after(answer);
    return tally_.failures.get() > before;
  };
  auto stat = "+OK 1 6\r\n", uidl = "+OK\r\n1 a\r\n.\r\n", list = "+OK\r\n1 6\r\n.\r\n",
       mail = "+OK\r\n..\r\nab.\r\n.\r\n";
  EXPECT_TRUE(with(stat, uidl, list, mail));  // 8 octets, not 6
  mail = "+OK\r\n..a\r\n\r\n.\r\n";
  EXPECT_FALSE(with(stat, uidl, list, mail));
  EXPECT_TRUE(with("+OK 2 6\r\n", uidl, list, mail));
  EXPECT_TRUE(with("+OK x 6\r\n", uidl, list, mail));
  EXPECT_TRUE(with("+OK 16\r\n", uidl, list, mail));
  EXPECT_TRUE(with(stat, "+OK\r\n2 a\r\n.\r\n", list, mail));
  EXPECT_TRUE(with(stat, "+OK\r\n1 \r\n.\r\n", list, mail));
  EXPECT_TRUE(with(stat, "+OK\r\n1 a b\r\n.\r\n", list, mail));
  EXPECT_TRUE(with(stat, uidl, "+OK\r\n1 7\r\n.\r\n", mail));
  EXPECT_TRUE(with(stat, uidl, "+OK\r\n1 6\r\n2 0\r\n.\r\n", mail));
}

}  // namespace
}  // namespace ringpost::load
