#include <gtest/gtest.h>

#include <ringpost/pop3/command.h>

namespace ringpost::pop3 {
namespace {

using namespace std::string_view_literals;

// P002
TEST(Command, KeywordsAreCaseInsensitive) {
  for (const char* word : {"stat", "StAt", "STAT"}) EXPECT_EQ(parse_command(word).verb, Verb::stat) << word;
  EXPECT_EQ(parse_command("top 1 0").verb, Verb::top);
}

// P004, P009, R009
TEST(Command, WhatIsNoKeywordIsUnknown) {
  for (const char* line : {"", " ", "ST", "STATS", "A:B",
                           "S\xd4"
                           "AT",
                           "STAT\t", "\tSTAT", " STAT", "LIST\t1", "STLSX", "APOP a b",
                           "abcdefghijklmnopqrstuvwxyzabcdefghijklmn", "UTF8", "LANG", "T\0P", "XTND"})
    EXPECT_EQ(parse_command(line).verb, Verb::unknown) << line;
}

// P003, P048
TEST(Command, TheArgumentIsAllBehindTheFirstBlank) {
  EXPECT_EQ(parse_command("PASS  a b ").argument, " a b ");
  EXPECT_TRUE(parse_command("PASS ").has_argument);
  EXPECT_FALSE(parse_command("PASS").has_argument);
  EXPECT_EQ(parse_command("PASS p\xc3\xa4ss").argument, "p\xc3\xa4ss");
}

// P023
TEST(Command, NumbersAreDecimalDigitsWithoutOverflow) {
  EXPECT_EQ(parse_number("1"), 1U);
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("007"), 7U);
  EXPECT_EQ(parse_number("4294967295"), 4294967295U);
  EXPECT_EQ(parse_number("2  "), 2U);
  for (const char* text : {"", " ", "-1", "+1", "1x", "x", "1 2", " 1", "4294967296", "99999999999",
                           "18446744073709551617", "0x1", "1.0", "1\t", "\xd9\xa1"})
    EXPECT_FALSE(parse_number(text)) << text;
}

// P041
TEST(Command, TopNeedsBothNumbers) {
  const auto both = parse_two_numbers("3 10 ");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->first, 3U);
  EXPECT_EQ(both->second, 10U);
  for (const char* text : {"", "3", "3 ", "3  1", "3 -1", "3 1 2", "x 1", "1 99999999999", " 3 1"})
    EXPECT_FALSE(parse_two_numbers(text)) << text;
}

TEST(Command, ControlOctetsAreFound) {
  EXPECT_FALSE(has_control_octets("a b\xff\xc3\xa4~"));
  for (auto text : {"a\0"sv, "\t"sv, "\x1b[m"sv, "\x7f"sv, "a\rb"sv}) EXPECT_TRUE(has_control_octets(text));
  EXPECT_FALSE(has_line_octets("\t\x01\x7f\xff"));
  for (auto text : {"\0"sv, "a\rb"sv, "\n"sv}) EXPECT_TRUE(has_line_octets(text));
}

}  // namespace
}  // namespace ringpost::pop3
