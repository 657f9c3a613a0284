#include <gtest/gtest.h>

#include <ringpost/base/identifiers.h>

namespace ringpost {
namespace {

TEST(Identifiers, Base32FollowsRfc4648) {
  EXPECT_EQ(base32(octets_of("fooba"), 40), "mzxw6ytb");
  EXPECT_EQ(base32(octets_of("\xff"), 5), "7");
}

TEST(Identifiers, HexHasTwoCharactersAnOctet) {
  EXPECT_EQ(hex(octets_of("\x01\xab")), "01ab");
}

}  // namespace
}  // namespace ringpost
