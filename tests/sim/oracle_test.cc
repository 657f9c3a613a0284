// The oracle must be able to complain: each of its lines is broken once, and kept once.
#include "oracle.h"

#include <gtest/gtest.h>

namespace ringpost::sim {
namespace {

using store::AppendResult;
using store::StoreError;

class OracleTest : public ::testing::Test {
 protected:
  Letter& delivered(const std::string& uidl) {
    Letter& letter = oracle.new_letter("a", "wire\r\n", 6, 6, {});
    answered(letter, uidl);
    return letter;
  }
  void answered(Letter& letter, const std::string& uidl) {
    AppendResult result;
    result.uidl = uidl;
    oracle.delivery_answered(letter, oracle.moment(), result);
  }
  void login(std::vector<Letter*> shown) {
    std::vector<ListedLetter> listed;
    for (Letter* letter : shown) listed.push_back({letter->octets, letter->uidl, letter});
    oracle.listed("a", oracle.moment(), listed);
  }
  void deleted(Letter& letter, Oracle::Answer answer) {
    const auto asked_at = oracle.moment();
    oracle.deletions_asked({&letter}, asked_at);
    oracle.deletions_answered({&letter}, asked_at, answer);
  }

  std::vector<std::string> complaints;
  Oracle oracle{[this](std::string words) { complaints.push_back(std::move(words)); }};
};

TEST_F(OracleTest, AcknowledgedLetterThatIsShownOnceIsRight) {
  Letter& letter = delivered("u1");
  login({&letter});
  EXPECT_TRUE(complaints.empty());
}

TEST_F(OracleTest, AcknowledgedLetterThatIsMissingIsLost) {
  delivered("u1");
  login({});
  EXPECT_EQ(complaints.size(), 1u);
}

TEST_F(OracleTest, LetterThatIsShownTwiceIsOneTooMany) {
  Letter& letter = delivered("u1");
  login({&letter, &letter});
  EXPECT_EQ(complaints.size(), 1u);
}

TEST_F(OracleTest, DeliveryInFlightMayBeShownOrNot) {
  Letter& letter = oracle.new_letter("a", "wire\r\n", 6, 6, {});
  login({});
  EXPECT_TRUE(complaints.empty());
  answered(letter, "u1");
  login({&letter});
  EXPECT_TRUE(complaints.empty());
}

TEST_F(OracleTest, DeletedLetterThatComesBackIsWrong) {
  Letter& letter = delivered("u1");
  deleted(letter, Oracle::Answer::done);
  login({});
  EXPECT_TRUE(complaints.empty());
  login({&letter});
  EXPECT_EQ(complaints.size(), 1u);
}

TEST_F(OracleTest, RefusedDeletionThatCountsIsWrong) {
  Letter& letter = delivered("u1");
  deleted(letter, Oracle::Answer::refused);
  login({});
  EXPECT_EQ(complaints.size(), 1u);
}

TEST_F(OracleTest, RefusedDeletionIsInDoubtAfterADeathAndTheFirstLoginDecides) {
  Letter& letter = delivered("u1");
  deleted(letter, Oracle::Answer::refused);
  oracle.life_ended();
  login({});
  EXPECT_TRUE(complaints.empty());
  login({&letter});
  EXPECT_EQ(complaints.size(), 1u);
}

TEST_F(OracleTest, RefusedDeletionThatALaterChangeHasSettledStaysRefusedOverADeath) {
  Letter& letter = delivered("u1");
  deleted(letter, Oracle::Answer::refused);
  Letter& later = delivered("u2");
  oracle.life_ended();
  login({&later});
  EXPECT_EQ(complaints.size(), 1u);
  (void)letter;
}

TEST_F(OracleTest, UnansweredDeletionMayGoEitherWayButNotBothWays) {
  Letter& letter = delivered("u1");
  deleted(letter, Oracle::Answer::none);
  login({&letter});
  EXPECT_TRUE(complaints.empty());
  login({});
  EXPECT_EQ(complaints.size(), 1u);
}

TEST_F(OracleTest, RefusedDeliveryThatIsShownIsWrong) {
  Letter& letter = oracle.new_letter("a", "wire\r\n", 6, 6, {});
  oracle.delivery_answered(letter, oracle.moment(), std::unexpected(StoreError::temporary));
  login({&letter});
  EXPECT_EQ(complaints.size(), 1u);
}

TEST_F(OracleTest, UidlOfADeletedLetterNamesNoOther) {
  Letter& letter = delivered("u1");
  deleted(letter, Oracle::Answer::done);
  delivered("u1");
  EXPECT_EQ(complaints.size(), 1u);
}

TEST_F(OracleTest, OctetsThatNobodyDeliveredAreNotRecognised) {
  EXPECT_EQ(oracle.recognised("a", "u1", "X-Letter: 7\r\n\r\n"), nullptr);
  EXPECT_EQ(complaints.size(), 1u);
}

TEST_F(OracleTest, OtherSizeThanDeliveredIsWrong) {
  Letter& letter = delivered("u1");
  oracle.listed("a", oracle.moment(), {{letter.octets + 1, "u1", &letter}});
  EXPECT_EQ(complaints.size(), 1u);
}

TEST_F(OracleTest, SecondImportOfAnAcknowledgedLetterIsWrong) {
  store::SourceId source;
  source.id.octets[0] = std::byte{1};
  Letter& letter = oracle.new_letter("a", "wire\r\n", 6, 6, source);
  answered(letter, "u1");
  ASSERT_EQ(oracle.to_import_again("a"), &letter);
  AppendResult already;
  already.what = store::Appended::already_there;
  oracle.second_import_answered(letter, oracle.moment(), already);
  EXPECT_TRUE(complaints.empty());
  ASSERT_EQ(oracle.to_import_again("a"), &letter);
  AppendResult stored;
  stored.uidl = "u2";
  oracle.second_import_answered(letter, oracle.moment(), stored);
  EXPECT_EQ(complaints.size(), 1u);
}

}  // namespace
}  // namespace ringpost::sim
