// Names of maildrop folders (DESIGN 4): no name leads out of `data`.
#include <gtest/gtest.h>
#include <set>

#include <ringpost/store/names.h>
#include <ringpost/store/types.h>

namespace ringpost::store {
namespace {

TEST(Names, AnOrdinaryNameStandsAsItIs) {
  EXPECT_EQ(encoded_name("alice+x=y_z-1.2@example.org"), "alice+x=y_z-1.2@example.org");
}

TEST(Names, WhatCouldLeadElsewhereIsEncoded) {
  EXPECT_EQ(encoded_name("."), "%2E");
  EXPECT_EQ(encoded_name(".."), "%2E.");
  EXPECT_EQ(encoded_name("../../etc"), "%2E.%2F..%2Fetc");
  EXPECT_EQ(encoded_name("a/b"), "a%2Fb");
  EXPECT_EQ(encoded_name("100%"), "100%25");
  EXPECT_EQ(encoded_name(std::string_view("a\0b\r\n", 5)), "a%00b%0D%0A");
  EXPECT_EQ(encoded_name("j\xc3\xbcrgen"), "j%C3%BCrgen");
}

TEST(Names, EveryOctetComesBackAndNoTwoNamesMeet) {
  std::set<std::string> met;
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      const std::string name{static_cast<char>(first), static_cast<char>(second)};
      const std::string encoded = encoded_name(name);
      EXPECT_EQ(encoded.find('/'), std::string::npos);
      EXPECT_NE(encoded.front(), '.');
      EXPECT_EQ(decoded_name(encoded), name);
      EXPECT_TRUE(met.insert(encoded).second);
    }
}

TEST(Names, WhatWeNeverWriteIsNoName) {
  for (const char* foreign : {"", ".", "a/b", "a%2", "a%", "%zz", "%2f", "%61", "a b"})
    EXPECT_EQ(decoded_name(foreign), std::nullopt) << foreign;
}

TEST(Names, TheLimitCountsTheEncodedForm) {
  EXPECT_FALSE(name_allowed(""));
  EXPECT_TRUE(name_allowed(std::string(encoded_name_max, 'a')));
  EXPECT_FALSE(name_allowed(std::string(encoded_name_max + 1, 'a')));
  EXPECT_TRUE(name_allowed(std::string(encoded_name_max / 3, ' ')));
  EXPECT_FALSE(name_allowed(std::string(encoded_name_max / 3 + 1, ' ')));
}

// On disk for ever: these values may never change.
TEST(Names, TheFolderOfANameIsFixed) {
  EXPECT_EQ(folder_of("alice").outer.size(), 2U);
  EXPECT_EQ(folder_of("alice").folder, folder_of("alice").middle + "/alice");
  EXPECT_EQ(folder_of("alice").folder, "f4/08/alice");
}

TEST(Names, AllCoresOwnSomething) {
  std::set<std::uint32_t> owners;
  for (int i = 0; i < 100; ++i) owners.insert(owner_core_of("user" + std::to_string(i), 8));
  EXPECT_EQ(owners.size(), 8U);
}

}  // namespace
}  // namespace ringpost::store
