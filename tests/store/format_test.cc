#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <string>

#include <ringpost/base/crc32c.h>
#include <ringpost/store/format.h>

#include "log_builder.h"

namespace ringpost::store {
namespace {

TEST(Format, MessageSaysAfterReadingWhatWasWritten) {  // M1
  const std::string wire = "Subject: a\r\n\r\n..\r\n";
  MessageToWrite message;
  message.sequence = Sequence{77};
  message.synced = 4096;
  message.octets = wire.size() - 1;
  message.wire_octets = wire.size();
  message.wire_crc32c = crc32c(octets_of(wire));
  message.header_part_octets = 14;
  message.received = WallTime{123456789};
  message.flags = message_smtputf8;
  message.source.id.octets[3] = std::byte{9};
  message.uidl = "an-uidl";
  const auto frame = encode_message(edition_of('x'), message);
  const std::string log = std::string(text_of(frame.head())) + wire + std::string(text_of(frame.tail()));

  EXPECT_EQ(log.size() % record_alignment, 0u);
  EXPECT_EQ(log.size(), frame.record_octets);
  EXPECT_EQ(log.size(), message_record_octets(message.octets, message.wire_octets, message.uidl.size()));
  const auto record = decode_record(octets_of(log));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->kind, RecordKind::message);
  EXPECT_EQ(record->edition, edition_of('x'));
  EXPECT_EQ(record->sequence, Sequence{77});
  EXPECT_EQ(record->synced, 4096u);
  EXPECT_EQ(record->octets, message.octets);
  EXPECT_EQ(record->wire_octets(), message.wire_octets);
  EXPECT_EQ(record->header_part_octets, 14u);
  EXPECT_EQ(record->received, message.received);
  EXPECT_EQ(record->flags, message.flags);
  EXPECT_EQ(record->source, message.source);
  EXPECT_EQ(record->uidl, "an-uidl");
  EXPECT_EQ(record->record_octets(), log.size());
  const std::string reply = log.substr(record->header_octets, record->payload_octets);
  EXPECT_EQ(reply, "+OK 17 octets\r\n" + wire + ".\r\n");
  EXPECT_EQ(record->payload_crc32c, crc32c(octets_of(reply)));
}

TEST(Format, EmptyMessageIsAStatusLineAndATerminator) {
  LogBuilder builder;
  builder.message("");
  const auto record = decode_record(octets_of(builder.log));
  ASSERT_TRUE(record);
  EXPECT_EQ(builder.log.substr(record->header_octets, record->payload_octets), "+OK 0 octets\r\n.\r\n");
}

TEST(Format, ZerosAndEveryShorterThanAHeaderAreNoRecord) {  // M1: a CRC that zeros cannot satisfy
  const std::string zeros(4096, '\0');
  EXPECT_FALSE(decode_record(octets_of(zeros)));
  LogBuilder builder;
  builder.message("x");
  for (std::size_t length = 0; length < 56 + 41 + 2; ++length)
    EXPECT_FALSE(decode_record(octets_of(builder.log).first(length))) << length;
}

TEST(Format, EveryFlippedBitOfAHeaderMakesItNoRecord) {  // M1, M7
  LogBuilder builder;
  builder.message("x");
  const auto message_header = decode_record(octets_of(builder.log))->header_octets;
  std::vector<std::pair<std::string, std::size_t>> records{{builder.log, message_header}};
  records.emplace_back(encode_tombstones(edition_of('E'), Sequence{5}, 0, std::vector{Sequence{1}}), 64);
  records.emplace_back(encode_skip(edition_of('E'), Sequence{6}, 0, 64, 128), 72);
  for (auto& [record, header_octets] : records)
    for (std::size_t bit = 0; bit < header_octets * 8; ++bit) {
      record[bit / 8] = static_cast<char>(record[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(decode_record(octets_of(record))) << bit;
      record[bit / 8] = static_cast<char>(record[bit / 8] ^ (1 << bit % 8));
    }
}

TEST(Format, TombstonesHoldAnySetOfSequencesAsRuns) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<Sequence> deleted;
    std::uint64_t sequence = round % 5 == 0 ? 0 : random() % 1000;
    for (std::size_t i = 0, count = 1 + random() % 300; i < count; ++i) {
      deleted.push_back(Sequence{sequence});
      sequence += random() % 4 ? 1 : 1 + random() % (1u << 20);
    }
    const std::string log = encode_tombstones(edition_of('E'), Sequence{9}, 128, deleted);
    const auto record = decode_record(octets_of(log));
    ASSERT_TRUE(record);
    EXPECT_EQ(record->count, deleted.size());
    TombstoneRuns runs(octets_of(log).subspan(record->header_octets, record->payload_octets));
    std::vector<Sequence> read;
    while (auto run = runs.next())
      for (std::uint64_t s = run->first; s < run->end(); ++s) read.push_back(Sequence{s});
    EXPECT_FALSE(runs.failed());
    EXPECT_EQ(read, deleted);
  }
}

TEST(Format, AMaildropOfAMillionEmptiedAtQuitIsOneSmallRecord) {
  std::vector<Sequence> deleted;
  for (std::uint64_t s = 1; s <= 1'000'000; ++s) deleted.push_back(Sequence{s});
  EXPECT_EQ(encode_tombstones(edition_of('E'), Sequence{2'000'000}, 0, deleted).size(), 128u);
}

TEST(Format, RunsThatLeadPastTheEndOfNumbersFail) {
  const std::string overflow("\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x01", 13);
  TombstoneRuns runs(octets_of(overflow));
  EXPECT_FALSE(runs.next());
  EXPECT_TRUE(runs.failed());
  TombstoneRuns open(octets_of(std::string_view("\x80\x80", 2)));
  EXPECT_FALSE(open.next());
  EXPECT_TRUE(open.failed());
  TombstoneRuns empty_run(octets_of(std::string_view("\x01\x00", 2)));
  EXPECT_FALSE(empty_run.next());
  EXPECT_TRUE(empty_run.failed());
}

TEST(Format, SkipsAndSealsAreTwoUnitsLong) {  // M9
  const std::string log = encode_skip(edition_of('E'), Sequence{6}, 640, 64, 640);
  EXPECT_EQ(log.size(), 128u);
  const auto record = decode_record(octets_of(log));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->from, 64u);
  EXPECT_EQ(record->to, 640u);
  EXPECT_EQ(record->record_octets(), 128u);
}

TEST(Format, UidlIsOneToSeventyVisibleCharacters) {  // P043
  EXPECT_FALSE(is_valid_uidl(""));
  EXPECT_TRUE(is_valid_uidl("!"));
  EXPECT_TRUE(is_valid_uidl(std::string(70, '~')));
  EXPECT_FALSE(is_valid_uidl(std::string(71, 'a')));
  for (int c = 0; c < 256; ++c)
    EXPECT_EQ(is_valid_uidl(std::string(1, static_cast<char>(c))), c >= 0x21 && c <= 0x7e) << c;
}

TEST(Format, RandomUidlsAreTwentyCharactersOfTheirBits) {  // M16
  Id128 random;
  for (std::size_t i = 0; i < 16; ++i) random.octets[i] = std::byte(i * 37 + 11);
  const std::string uidl = random_uidl(random);
  EXPECT_EQ(uidl.size(), 20u);
  EXPECT_TRUE(is_valid_uidl(uidl));
  random.octets[12] ^= std::byte{0x10};  // the hundredth bit
  EXPECT_NE(random_uidl(random), uidl);
  random.octets[12] ^= std::byte{0x1f};
  random.octets[15] ^= std::byte{0xff};  // bits behind it
  EXPECT_EQ(random_uidl(random), uidl.substr(0, 19) + random_uidl(random).back());
}

TEST(Format, StatusLinesCountTheirOwnOctets) {
  for (std::uint64_t octets : {0ull, 9ull, 10ull, 99ull, 100ull, 4294967296ull, 18446744073709551615ull})
    EXPECT_EQ(status_line_octets(octets), status_line(octets).size());
}

}  // namespace
}  // namespace ringpost::store
