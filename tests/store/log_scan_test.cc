#include <gtest/gtest.h>
#include <random>
#include <string>

#include <ringpost/store/log_scan.h>

#include "log_builder.h"

namespace ringpost::store {
namespace {

std::string body(std::size_t octets) {
  return "A: b\r\n\r\n" + std::string(octets, 'x') + "\r\n";
}

void flip(std::string& log, std::uint64_t at) {
  log[at] = static_cast<char>(log[at] ^ 0x10);
}

TEST(LogScan, EmptyLogIsOverAtOnce) {  // M7
  Listing listing;
  const auto summary = scan_into(listing, "");
  EXPECT_FALSE(summary.edition);
  EXPECT_EQ(summary.append_at, 0u);
  EXPECT_FALSE(summary.in_doubt);
  EXPECT_EQ(listing.alive(), 0u);
}

TEST(LogScan, ListsWhatWasWrittenAndNotWhatTombstonesName) {  // M1, M7, R010
  LogBuilder builder;
  builder.message(body(10));
  builder.message(body(100'000));
  builder.message(body(600'000));
  builder.sync();
  builder.tombstones({Sequence{1}, Sequence{3}});
  builder.sync();
  builder.message("");
  Listing listing;
  const auto summary = scan_into(listing, builder.log);
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u2", "u5"}));
  EXPECT_EQ(listing.octets_alive(), 8u + 100'000 + 2);
  EXPECT_EQ(summary.edition, edition_of('E'));
  EXPECT_EQ(summary.promised, builder.synced);
  EXPECT_EQ(summary.last_sequence, Sequence{5});
  EXPECT_EQ(summary.append_at, builder.log.size());
  EXPECT_TRUE(summary.in_doubt);
  EXPECT_EQ(summary.first_sequence, Sequence{1});
  EXPECT_TRUE(listing.damage().empty());
  EXPECT_TRUE(listing.torn().empty());
}

TEST(LogScan, LargeBodiesBeforeDAreHoppedOver) {  // M7: header decides before D
  LogBuilder builder;
  for (int i = 0; i < 20; ++i) {
    builder.message(body(1 << 20));
    builder.sync();
  }
  builder.skip(0, 0);
  Listing listing;
  std::uint64_t octets_read = 0;
  scan_into(listing, builder.log, {}, &octets_read);
  EXPECT_EQ(listing.alive(), 20u);
  EXPECT_LT(octets_read, LogScan::window_octets_max + 20 * 8192);
}

TEST(LogScan, TornTailIsToldAndEveryEarlierRecordIsListedWhereverItIsCut) {  // M2, M7
  LogBuilder builder;
  builder.message(body(100));
  builder.message(body(50));
  builder.sync();
  const auto begins = builder.message(body(300));
  for (std::size_t length = begins; length <= builder.log.size(); ++length) {
    Listing listing;
    const auto summary = scan_into(listing, builder.log.substr(0, length));
    const auto record = decode_record(octets_of(builder.log).subspan(begins));
    const bool whole = length >= begins + record->header_octets + record->payload_octets;
    const bool header = length >= begins + record->header_octets;
    EXPECT_EQ(uidls_alive(listing), whole ? (Uidls{"u1", "u2", "u3"}) : (Uidls{"u1", "u2"})) << length;
    EXPECT_TRUE(listing.damage().empty());
    EXPECT_EQ(summary.promised, header ? begins : 0u) << "the torn record's header still tells what was promised";
    if (!whole && length > begins) {
      ASSERT_EQ(listing.torn().size(), 1u);
      EXPECT_EQ(listing.torn()[0], (Stretch{begins, length - begins}));
    } else {
      EXPECT_TRUE(listing.torn().empty());
    }
    // Never inside what a header claims, or a later scan would hop over it.
    EXPECT_EQ(summary.append_at, header ? builder.log.size() : aligned_up(length));
  }
}

TEST(LogScan, HoleOfZerosBehindTheLastSyncIsNotAnEmptyMessage) {  // M2, M7
  LogBuilder builder;
  builder.message("one");
  builder.sync();
  builder.message("two");
  const std::uint64_t end = builder.log.size();
  builder.log.append(10'000, '\0');
  Listing listing;
  const auto summary = scan_into(listing, builder.log);
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u2"}));
  EXPECT_EQ(listing.torn(), (std::vector<Stretch>{{end, 10'000}}));
  EXPECT_EQ(summary.append_at, aligned_up(end + 10'000));
}

TEST(LogScan, RecordsBehindATornOneOfTheSameBatchAreKept) {  // M7
  LogBuilder builder;
  builder.message("one");
  builder.sync();
  const auto second = builder.message(body(5000));
  const auto third = builder.message("three");
  flip(builder.log, second + 4000);
  Listing listing;
  scan_into(listing, builder.log);
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u3"}));
  EXPECT_EQ(listing.torn(), (std::vector<Stretch>{{second, third - second}}));
}

TEST(LogScan, FlippedBitInAReplyBeforeDStaysListed) {  // M7: never hides a whole message, lists a broken one
  LogBuilder builder;
  builder.message("one");
  const auto second = builder.message(body(5000));
  builder.sync();
  builder.message("three");
  flip(builder.log, second + 4000);
  Listing listing;
  scan_into(listing, builder.log);
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u2", "u3"}));
  EXPECT_TRUE(listing.damage().empty()) << "not read at an ordinary opening";

  Listing checked;
  ScanStart all;
  all.verify_all = true;
  scan_into(checked, builder.log, all);
  ASSERT_EQ(checked.messages().size(), 3u);
  EXPECT_TRUE(checked.messages()[0].readable);
  EXPECT_FALSE(checked.messages()[1].readable);
  EXPECT_TRUE(checked.messages()[2].readable);
}

TEST(LogScan, FlippedBitInAHeaderBeforeDIsDamageWithItsOffset) {  // M7
  LogBuilder builder;
  builder.message("one");
  const auto second = builder.message(body(500'000));
  const auto third = builder.message("three");
  builder.sync();
  builder.message("four");
  flip(builder.log, second + 40);
  for (bool verify_all : {false, true}) {
    Listing listing;
    ScanStart start;
    start.verify_all = verify_all;
    scan_into(listing, builder.log, start);
    EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u3", "u4"}));
    EXPECT_EQ(listing.damage(), (std::vector<Stretch>{{second, third - second}}));
    EXPECT_TRUE(listing.torn().empty());
  }
}

TEST(LogScan, StretchAcrossDIsDamageBeforeItAndTornBehind) {  // M7
  LogBuilder builder;
  builder.message("one");
  const auto second = builder.message("two");
  builder.sync();
  const auto third = builder.message("three");
  builder.message("four");
  flip(builder.log, second + 40);
  flip(builder.log, third + 40);
  Listing listing;
  scan_into(listing, builder.log);
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u4"}));
  EXPECT_EQ(listing.damage(), (std::vector<Stretch>{{second, third - second}}));
  ASSERT_EQ(listing.torn().size(), 1u);
  EXPECT_EQ(listing.torn()[0].offset, third);
}

TEST(LogScan, PromisedByTheIndexCountsOnlyInItsEdition) {  // M2
  LogBuilder builder;
  builder.message("one");
  const auto second = builder.message(body(5000));
  const std::uint64_t end = builder.log.size();
  flip(builder.log, second + 4000);
  for (char edition : {'E', 'F'}) {
    Listing listing;
    ScanStart start;
    start.promised = end;
    start.promised_in = edition_of(edition);
    const auto summary = scan_into(listing, builder.log, start);
    EXPECT_EQ(summary.promised, edition == 'E' ? end : 0u);
    EXPECT_EQ(uidls_alive(listing), edition == 'E' ? (Uidls{"u1", "u2"}) : (Uidls{"u1"}));
  }
}

TEST(LogScan, OtherEditionsRecordsAreInvalidOctets) {  // M1
  LogBuilder builder;
  builder.message("one");
  builder.sync();
  const auto foreign = builder.log.size();
  builder.edition = edition_of('F');
  builder.message("two");
  builder.edition = edition_of('E');
  const auto third = builder.message("three");
  Listing listing;
  const auto summary = scan_into(listing, builder.log);
  EXPECT_EQ(summary.edition, edition_of('E'));
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u3"}));
  EXPECT_EQ(listing.torn(), (std::vector<Stretch>{{foreign, third - foreign}}));
}

TEST(LogScan, RecordNotOnAMultipleOf64IsNone) {  // M1
  LogBuilder builder;
  builder.message("one");
  builder.log.append(32, '\0');
  builder.message("two");
  builder.log.append(32, '\0');
  Listing listing;
  scan_into(listing, builder.log);
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u1"}));
}

TEST(LogScan, HeaderThatPromisesOctetsBehindItselfIsNone) {  // V2: found by the fuzzer, D ran away with it
  for (std::uint64_t synced : {640ull, 100ull, 1ull << 62}) {
    LogBuilder builder;
    builder.message("one");
    builder.synced = synced;
    builder.message("two");
    Listing listing;
    const auto summary = scan_into(listing, builder.log);
    EXPECT_EQ(uidls_alive(listing), (Uidls{"u1"}));
    EXPECT_EQ(summary.append_at, builder.log.size());
  }
}

TEST(LogScan, WhatASkipCoversCountsAsAbsentTombstonesToo) {  // M1, M8: a refused tombstone never counts later
  LogBuilder builder;
  builder.message("one");
  builder.sync();
  const auto from = builder.message("two");
  builder.tombstones({Sequence{1}});
  const auto to = builder.log.size();
  builder.skip(from, to);
  builder.sync();
  builder.message("three");
  Listing listing;
  const auto summary = scan_into(listing, builder.log);
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u5"}));
  EXPECT_EQ(listing.skips(), (std::vector<Stretch>{{from, to - from}}));
  EXPECT_TRUE(listing.damage().empty());
  EXPECT_EQ(summary.last_sequence, Sequence{5}) << "a refused record's sequence is used up";
}

TEST(LogScan, RubbishThatASkipCoversIsNoDamage) {  // M8
  LogBuilder builder;
  builder.message("one");
  builder.sync();
  const auto from = builder.log.size();
  builder.log.append(640, 'r');
  builder.skip(from, from + 640);
  builder.sync();
  builder.message("two");
  for (bool verify_all : {false, true}) {
    Listing listing;
    ScanStart start;
    start.verify_all = verify_all;
    scan_into(listing, builder.log, start);
    EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u3"}));
    EXPECT_TRUE(listing.damage().empty());
    EXPECT_TRUE(listing.torn().empty());
  }
}

TEST(LogScan, TombstonesThatDoNotVerifyAreNoneBeforeDToo) {  // M7, V4
  LogBuilder builder;
  builder.message("one");
  const auto second = builder.tombstones({Sequence{1}});
  builder.sync();
  builder.message("two");
  flip(builder.log, second + 64);
  Listing listing;
  scan_into(listing, builder.log);
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u3"}));
  EXPECT_EQ(listing.damage(), (std::vector<Stretch>{{second, 128}}));
}

TEST(LogScan, LogCutBeforeDIsDamageAndAppendsGoOnBehindD) {  // M7
  LogBuilder builder;
  builder.message("one");
  const auto second = builder.message(body(5000));
  const std::uint64_t end = builder.log.size();
  Listing listing;
  ScanStart start;
  start.promised = end;
  start.promised_in = edition_of('E');
  const auto summary = scan_into(listing, builder.log.substr(0, second + 1000), start);
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u2"}));
  EXPECT_FALSE(listing.messages()[1].readable);
  EXPECT_EQ(listing.damage(), (std::vector<Stretch>{{second + 1000, end - second - 1000}}));
  EXPECT_EQ(summary.append_at, end);
  EXPECT_FALSE(summary.in_doubt);
}

TEST(LogScan, FromAKnownRecordOnItReadsNothingBefore) {  // M7: the scan begins at the last entry's record
  LogBuilder builder;
  builder.message(body(100'000));
  const auto second = builder.message("two");
  builder.sync();
  builder.message("three");
  Listing listing;
  ScanStart start;
  start.from = second;
  start.edition = edition_of('E');
  start.promised = builder.synced;
  start.promised_in = edition_of('E');
  std::uint64_t octets_read = 0;
  const auto summary = scan_into(listing, builder.log, start, &octets_read);
  EXPECT_EQ(uidls_alive(listing), (Uidls{"u2", "u3"}));
  EXPECT_EQ(summary.first_sequence, Sequence{2});
  EXPECT_EQ(summary.first_end, builder.synced);
  EXPECT_LE(octets_read, 2 * (builder.log.size() - second));
}

TEST(LogScan, MailFullOfRecordsIsOneMessage) {  // M1: whoever mails us a log invents nothing
  LogBuilder inner;
  for (int i = 0; i < 5; ++i) inner.message("forged", "forged" + std::to_string(i));
  for (std::size_t shift = 0; shift < 64; ++shift) {
    LogBuilder builder;
    builder.message("one");
    builder.sync();
    const auto second = builder.message("\r\n" + std::string(shift, 'x') + inner.log);
    builder.message("three");
    flip(builder.log, second + 40);  // even where its header is lost and the search walks through it
    Listing listing;
    scan_into(listing, builder.log);
    EXPECT_EQ(uidls_alive(listing), (Uidls{"u1", "u3"})) << shift;
  }
}

// The same as the scan, by the rules of M2 and M7 and with the whole log in memory.
Uidls listed_by_rule(const std::string& log, const Edition& edition) {
  const auto record_at = [&](std::uint64_t at) {
    auto record = decode_record(octets_of(log).subspan(at));
    return record && record->edition == edition ? record : std::nullopt;
  };
  std::uint64_t promised = 0;
  for (std::uint64_t at = 0; at < log.size(); at += record_alignment)
    if (auto record = record_at(at)) promised = std::max(promised, record->synced);
  Uidls uidls;
  for (std::uint64_t at = 0; at < log.size();) {
    const auto record = record_at(at);
    bool valid = record.has_value();
    if (valid && at >= promised) {
      const std::uint64_t payload = at + record->header_octets;
      valid = payload + record->payload_octets <= log.size() &&
              crc32c(octets_of(log).subspan(payload, record->payload_octets)) == record->payload_crc32c;
    }
    if (valid) uidls.emplace_back(record->uidl);
    at += valid ? record->record_octets() : record_alignment;
  }
  return uidls;
}

TEST(LogScan, RandomDamageGivesWhatTheRulesGive) {  // M2, M7
  std::mt19937_64 random(11);
  for (int round = 0; round < 400; ++round) {
    LogBuilder builder;
    builder.message("first");
    const auto safe = builder.log.size();
    for (std::size_t i = 0, count = 1 + random() % 12; i < count; ++i) {
      builder.message(body(random() % (random() % 8 ? 2000 : 400'000)));
      if (random() % 2) builder.sync();
    }
    std::string log = builder.log;
    for (std::size_t i = 0, count = random() % 4; i < count; ++i) {
      const std::uint64_t sector = safe + random() % (log.size() - safe);
      if (random() % 2)
        flip(log, sector);
      else
        std::fill_n(log.begin() + static_cast<std::ptrdiff_t>(sector), std::min<std::size_t>(512, log.size() - sector),
                    '\0');
    }
    if (random() % 3 == 0) log.resize(safe + random() % (log.size() - safe + 1));
    Listing listing;
    scan_into(listing, log);
    ASSERT_EQ(uidls_alive(listing), listed_by_rule(log, builder.edition)) << round;
  }
}

}  // namespace
}  // namespace ringpost::store
