#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <ringpost/store/foreign_uidl.h>
#include <ringpost/store/format.h>
#include <ringpost/store/maildir.h>

namespace ringpost::store {
namespace {

// R066
TEST(Maildir, FlagsStandBehindAnyOfTheThreeSeparators) {
  for (std::string_view file : {"1.x:2,ST", "1.x;2,ST", "1.x!2,ST"}) {
    EXPECT_EQ(maildir_name(file).unique, "1.x") << file;
    EXPECT_TRUE(maildir_name(file).trashed()) << file;
  }
  EXPECT_EQ(maildir_name("1.x,S=5,W=6").unique, "1.x,S=5,W=6");
  EXPECT_EQ(maildir_name("1.x:2,").unique, "1.x");
  EXPECT_EQ(maildir_name("a;b!c:2,S").unique, "a;b!c");
  EXPECT_FALSE(maildir_name("1.T:2,S").trashed());
}

// R012
TEST(Maildir, ArrivalGoesByTheLeadingNumberAndThenByName) {
  EXPECT_TRUE(arrived_before("9.a", "10.a"));
  EXPECT_TRUE(arrived_before("0009.b", "10.a"));
  EXPECT_TRUE(arrived_before("10.a", "10.b"));
  EXPECT_FALSE(arrived_before("10.a", "10.a"));
  EXPECT_TRUE(arrived_before("abc", "1.x"));
}

// R013
TEST(DovecotUidlist, GivesTheDefaultFormatAsDovecotShowsIt) {
  auto got = read_dovecot_uidlist(
      "3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n"
      "25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,\n"
      "25017 W2481 S2431 :1276533073.M242911P3632.kurkku:2,F\n",
      dovecot_uidl_format_default);
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(got->at("1276528487.M364837P9451.kurkku,S=1355,W=1394").uidl, "000061ae4c0907b0");
  EXPECT_EQ(got->at("1276533073.M242911P3632.kurkku").uidl, "000061b94c0907b0");
  EXPECT_LT(got->at("1276528487.M364837P9451.kurkku,S=1355,W=1394").order,
            got->at("1276533073.M242911P3632.kurkku").order);
}

TEST(DovecotUidlist, KnowsEveryFormatOfItsDocumentation) {
  std::string_view list = "3 V16 N2 Gx\n10 G00ff :a.b:2,\n";
  struct {
    std::string_view format, uidl;
  } cases[] = {{"%u.%v", "10.16"},
               {"%08Xv%08Xu", "000000100000000a"},
               {"%f", "a.b"},
               {"%g", "00ff"},
               {"%v-%u", "16-10"},
               {"UID%u-%v", "UID10-16"},
               {"%{uid | hex(8)}%{uidvalidity | hex(8)}", "0000000a00000010"},
               {"%{uid}.%{uidvalidity}", "10.16"},
               {"%Xu", "a"},
               {"%%%u", "%10"},
               {"%{guid}", "00ff"}};
  for (auto& one : cases) {
    auto got = read_dovecot_uidlist(list, one.format);
    ASSERT_TRUE(got) << one.format;
    EXPECT_EQ(got->at("a.b").uidl, one.uidl) << one.format;
  }
  EXPECT_FALSE(read_dovecot_uidlist(list, "%m"));
  EXPECT_FALSE(read_dovecot_uidlist(list, "%"));
  EXPECT_FALSE(read_dovecot_uidlist(list, "%{uid | sha1}"));
}

TEST(DovecotUidlist, UidlThatStandsInTheListComesFirst) {
  auto got = read_dovecot_uidlist("3 V1 N9\n5 PUID7-99 O2 :x\n6 P :y,S=1:2,S\n", "%u");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->at("x").uidl, "UID7-99");
  EXPECT_EQ(got->at("x").order, 2u);
  EXPECT_EQ(got->at("y,S=1").uidl, "y,S=1");
}

TEST(DovecotUidlist, ReadsVersionOneAndRefusesWhatItDoesNotKnow) {
  auto got = read_dovecot_uidlist("1 16 11\n10 a.b:2,S\n", "%u.%v");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->at("a.b").uidl, "10.16");
  EXPECT_FALSE(read_dovecot_uidlist("", "%u"));
  EXPECT_FALSE(read_dovecot_uidlist("4 V1\n", "%u"));
  EXPECT_FALSE(read_dovecot_uidlist("3 N1\n", "%u"));
  EXPECT_FALSE(read_dovecot_uidlist("3 V1 N1\nx :a\n", "%u"));
  auto half_written = read_dovecot_uidlist("3 V1 N2\n1 :a\n2 :b", "%u");
  ASSERT_TRUE(half_written);
  EXPECT_EQ(half_written->size(), 1u);
}

// R015
TEST(CourierList, EveryAgeGivesWhatCourierGave) {
  auto age_0 = read_courier_list("100.a+b'c 512\n101.d 600\n");
  ASSERT_TRUE(age_0);
  EXPECT_EQ(age_0->at("100.a+b'c").uidl, "100.a+2Bb+27c");
  auto age_1 = read_courier_list("/1 7\n100.a 512 3\n101.b 1 0\n");
  ASSERT_TRUE(age_1);
  EXPECT_EQ(age_1->at("100.a").uidl, "UID3");
  EXPECT_EQ(age_1->at("101.b").uidl, "101.b");
  auto age_2 = read_courier_list("/2 7 1200000000\n100.a:2,S 512 3:1200000000\n100.b 5 0:0\n");
  ASSERT_TRUE(age_2);
  EXPECT_EQ(age_2->at("100.a").uidl, "UID3-1200000000");
  EXPECT_EQ(age_2->at("100.b").uidl, "100.b");
  auto age_3 = read_courier_list("/3 7 1200000000\n100.a:2, 512 3:1200000000:0\n100.b 5 4:1200000000:1\n");
  ASSERT_TRUE(age_3);
  EXPECT_EQ(age_3->at("100.a").uidl, "UID3-1200000000");
  EXPECT_EQ(age_3->at("100.b").uidl, "UID4-1200000000");
  EXPECT_LT(age_3->at("100.a").order, age_3->at("100.b").order);
  EXPECT_FALSE(read_courier_list("/9 1 1\n"));
  EXPECT_FALSE(read_courier_list("/3 7 1\nabc\n"));
}

void put_32(std::string& at, std::size_t offset, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) at[offset + i] = static_cast<char>(value >> (24 - 8 * i));
}

std::string cyrus_file(std::uint32_t version, std::size_t header, std::size_t record, std::uint32_t options) {
  bool late = version >= 20;
  std::string file(header + 2 * record, '\0');
  put_32(file, 8, version);
  put_32(file, 12, static_cast<std::uint32_t>(header));
  put_32(file, 16, static_cast<std::uint32_t>(record));
  put_32(file, 20, 2);
  put_32(file, late ? 92 : 44, 1234);
  put_32(file, late ? 64 : 60, options);
  put_32(file, header, 5);
  put_32(file, header + (late ? 36 : 32), 1u << 31);
  put_32(file, header + record, 6);
  if (late) {
    std::uint64_t nanoseconds = 77'000'000'000;
    put_32(file, header + record + 8, static_cast<std::uint32_t>(nanoseconds >> 32));
    put_32(file, header + record + 12, static_cast<std::uint32_t>(nanoseconds));
  } else {
    put_32(file, header + record + 4, 77);
  }
  return file;
}

TEST(CyrusIndex, BothLayoutsGiveUidlsTimesAndWhatIsExpunged) {
  for (auto& file : {cyrus_file(13, 128, 104, 1), cyrus_file(17, 160, 136, 1), cyrus_file(20, 192, 144, 1)}) {
    auto got = read_cyrus_index(octets_of(file));
    ASSERT_TRUE(got) << got.error();
    EXPECT_TRUE(got->messages.at(5).expunged);
    EXPECT_FALSE(got->messages.at(6).expunged);
    EXPECT_EQ(got->messages.at(6).received.microseconds, 77'000'000);
    EXPECT_EQ(got->uidl(6, CyrusFormat::cyrus), "1234.6");
    EXPECT_EQ(got->uidl(6, CyrusFormat::uidonly), "6");
    EXPECT_EQ(got->uidl(6, CyrusFormat::dovecot), "00000006000004d2");
    EXPECT_EQ(got->uidl(6, CyrusFormat::courier), "1234-6");
  }
  auto old = cyrus_file(10, 96, 96, 0);
  EXPECT_EQ(read_cyrus_index(octets_of(old))->uidl(6, CyrusFormat::cyrus), "6");
}

TEST(CyrusIndex, WhatIsCutOrForeignIsRefusedInWords) {
  auto file = cyrus_file(13, 128, 104, 1);
  for (std::size_t length = 0; length < file.size(); ++length)
    EXPECT_FALSE(read_cyrus_index(octets_of(std::string_view(file).substr(0, length)))) << length;
  put_32(file, 8, 99);
  EXPECT_FALSE(read_cyrus_index(octets_of(file)));
  auto contradicting = cyrus_file(13, 128, 104, 1);
  put_32(contradicting, 16, 0);
  EXPECT_FALSE(read_cyrus_index(octets_of(contradicting)));
}

// P043
TEST(Uidl, OnlyOneToSeventyVisibleCharactersAreValid) {
  EXPECT_FALSE(is_valid_uidl(""));
  EXPECT_TRUE(is_valid_uidl(std::string(70, '~')));
  EXPECT_FALSE(is_valid_uidl(std::string(71, 'a')));
  EXPECT_FALSE(is_valid_uidl("a b"));
  EXPECT_FALSE(is_valid_uidl("a\x7f"));
  EXPECT_FALSE(is_valid_uidl("\x80"));
}

}  // namespace
}  // namespace ringpost::store
