#include "accounts.h"

#include <gtest/gtest.h>

namespace ringpost::load {
namespace {

using Names = std::vector<std::string>;

TEST(AccountPattern, CountsFromOneEndToTheOtherBothIncluded) {
  EXPECT_EQ(expand_pattern("u{0..3}").value(), (Names{"u0", "u1", "u2", "u3"}));
  EXPECT_EQ(expand_pattern("u{11..9}@example.test").value(),
            (Names{"u11@example.test", "u10@example.test", "u9@example.test"}));
  EXPECT_EQ(expand_pattern("{5..5}").value(), Names{"5"});
  EXPECT_EQ(expand_pattern("u{0..999}").value().size(), 1000u);
}

TEST(AccountPattern, ALeadingZeroPadsAll) {
  EXPECT_EQ(expand_pattern("u{08..10}").value(), (Names{"u08", "u09", "u10"}));
  EXPECT_EQ(expand_pattern("u{8..010}").value(), (Names{"u008", "u009", "u010"}));
}

TEST(AccountPattern, WithoutBracesIsOneName) {
  EXPECT_EQ(expand_pattern("bob").value(), Names{"bob"});
}

TEST(AccountPattern, SaysWhatIsWrong) {
  for (auto wrong : {"", "u{", "u}", "u{}", "u{1}", "u{1..}", "u{..2}", "u{a..b}", "u{1..2}{3..4}", "u}0..1{",
                     "u{1...3}", "u{-1..3}", "u{0..99999999999}", "u{0..9999999999999999999999}"}) {
    auto names = expand_pattern(wrong);
    ASSERT_FALSE(names) << wrong;
    EXPECT_FALSE(names.error().empty());
  }
}

TEST(AccountsFile, HasNamesWithAndWithoutPasswordsOfTheirOwn) {
  auto accounts = accounts_of_text("# mine\nann:a:b c\r\n\nbob\ncat:\nlast", "common");
  ASSERT_EQ(accounts.size(), 4u);
  EXPECT_EQ(accounts[0].name, "ann");
  EXPECT_EQ(accounts[0].password, "a:b c");
  EXPECT_EQ(accounts[1].password, "common");
  EXPECT_EQ(accounts[2].password, "");
  EXPECT_EQ(accounts[3].name, "last");
}

}  // namespace
}  // namespace ringpost::load
