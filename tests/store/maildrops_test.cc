// The way of a message through the store, on the real kernel.
#include <gtest/gtest.h>

#include <ringpost/store/names.h>

#include "real_store.h"

namespace ringpost::store {
namespace {

class MaildropsTest : public RealStore {
 protected:
  ring::Task<void> keep_to(std::string raw) {
    Stored stored = co_await store::deliver(*maildrops, "alice", std::move(raw));
    EXPECT_TRUE(stored);
  }
};

TEST_F(MaildropsTest, AnAccountWithoutMailIsAnEmptyMaildropAndMakesNoFolder) {
  const Visit seen = visit("alice");
  EXPECT_TRUE(seen.opened);
  EXPECT_TRUE(seen.messages.empty());
  EXPECT_FALSE(std::filesystem::exists(file_of("alice", "")));
}

// M1: one reply is one range of the log.
TEST_F(MaildropsTest, WhatWasDeliveredIsReadBackAsTheWholeAnswer) {
  const std::string first = "Subject: one\r\n\r\n.dot\r\nlast\r\n";
  ASSERT_TRUE(deliver("alice", first));
  ASSERT_TRUE(deliver("alice", "no header end"));
  const Visit seen = visit("alice");
  ASSERT_TRUE(seen.opened);
  EXPECT_EQ(seen.replies(), (std::vector{reply_to(first), reply_to("no header end")}));
  EXPECT_EQ(seen.messages[0].octets, first.size());
}

// R012: an import hands over the next mail before the first is answered, which has the maildrop opened.
TEST_F(MaildropsTest, MailThatIsAskedForTogetherKeepsItsOrderFromTheFirstOn) {
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    const std::string raw = "Subject: " + std::to_string(i) + "\r\n\r\nx\r\n";
    expected.push_back(reply_to(raw));
    ring::spawn(gate, keep_to(raw));
  }
  proactor.run_until_idle();
  EXPECT_EQ(visit("alice").replies(), expected);
}

// M3, M7, R017: the index may be thrown away.
TEST_F(MaildropsTest, ANewProcessShowsTheSameWithAndWithoutTheIndex) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(deliver("alice", "Subject: " + std::to_string(i) + "\r\n\r\nx\r\n"));
  const Visit before = visit("alice", {3, 4, 10});
  ASSERT_TRUE(before.closed);
  const Visit after = visit("alice");
  // P035: exactly the marked ones are gone.
  std::vector<Seen> expected = before.messages;
  expected.erase(expected.begin() + 10);
  expected.erase(expected.begin() + 3, expected.begin() + 5);
  EXPECT_EQ(after.messages, expected);
  restart();
  EXPECT_EQ(visit("alice").messages, after.messages);
  EXPECT_EQ(maildrops->counters().opens_from_index, 1U);
  end();
  std::filesystem::remove(file_of("alice", "index"));
  begin();
  EXPECT_EQ(visit("alice").messages, after.messages);
  EXPECT_EQ(maildrops->counters().opens_by_scan, 1U);
  restart();
  EXPECT_EQ(visit("alice").messages, after.messages);
  EXPECT_EQ(maildrops->counters().opens_from_index, 1U);
}

}  // namespace
}  // namespace ringpost::store
