#include <gtest/gtest.h>
#include <random>
#include <string>

#include <ringpost/store/recovery.h>

#include "log_builder.h"

namespace ringpost::store {
namespace {

TEST(Recovery, EveryCombinationHasExactlyOneRow) {  // M7: the tables insist on it
  for (unsigned log = 0; log < 4; ++log)
    for (unsigned index = 0; index < 4; ++index)
      EXPECT_NE(decide_open(static_cast<LogPresence>(log), static_cast<IndexPresence>(index)).reason[0], '\0');
  for (auto action : {OpenAction::trust_index, OpenAction::rebuild})
    for (unsigned outcome = 0; outcome < 6; ++outcome)
      EXPECT_NE(decide_after_scan(action, static_cast<ScanOutcome>(outcome)).reason[0], '\0');
}

TEST(Recovery, MissingLogBesideAnythingIsDamageAndAloneIsNew) {  // M7
  using enum LogPresence;
  EXPECT_EQ(decide_open(missing_alone, IndexPresence::absent).action, OpenAction::begin_empty);
  for (unsigned index = 0; index < 4; ++index)
    EXPECT_EQ(decide_open(missing_beside_files, static_cast<IndexPresence>(index)).action, OpenAction::damaged);
  EXPECT_EQ(decide_open(missing_alone, IndexPresence::fits_so_far).action, OpenAction::damaged);
}

TEST(Recovery, IndexIsTrustedOnlyWhereItFits) {  // M3, M7
  using enum LogPresence;
  EXPECT_EQ(decide_open(holds_octets, IndexPresence::fits_so_far).action, OpenAction::trust_index);
  EXPECT_EQ(decide_open(holds_octets, IndexPresence::holed).action, OpenAction::rebuild);
  EXPECT_EQ(decide_open(holds_octets, IndexPresence::absent).action, OpenAction::rebuild);
  EXPECT_EQ(decide_open(holds_octets, IndexPresence::ahead).action, OpenAction::rebuild);
  EXPECT_EQ(decide_open(empty, IndexPresence::fits_so_far).action, OpenAction::begin_empty);
}

// What the owner does, with files in memory.
struct Files {
  std::string log;
  std::optional<std::string> index;
};
struct Opened {
  AfterScan action = AfterScan::damaged;
  bool by_index = false;
  Listing listing;
  MendPlan mend;
  Edition edition;
};

void open_files(Files& files, Opened& opened) {
  IndexReader reader;
  if (files.index) {
    reader.feed(octets_of(*files.index));
    while (auto* entry = reader.next()) opened.listing.take(*entry);
    reader.finish();
  }
  const IndexReader* index = files.index ? &reader : nullptr;
  const auto presence = files.log.empty() ? LogPresence::empty : LogPresence::holds_octets;
  OpenPlan plan = decide_open(presence, index_presence(index, files.log.size()));
  while (true) {
    if (plan.action == OpenAction::begin_empty) {
      opened.action = AfterScan::serve_index_anew;
      return;
    }
    if (plan.action == OpenAction::rebuild) opened.listing = Listing{};
    const ScanSummary summary = scan_into(opened.listing, files.log, scan_start(plan, index, files.log.size()));
    const auto after = decide_after_scan(plan.action, scan_outcome(plan, summary, index, files.log.size()));
    if (after.action == AfterScan::rebuild) {
      plan.action = OpenAction::rebuild;
      continue;
    }
    opened.action = after.action;
    opened.by_index = after.action == AfterScan::serve;
    opened.edition = summary.edition.value_or(edition_of('N'));
    opened.mend = mend_plan(summary, opened.listing.torn(), files.log.size());
    return;
  }
}

void mend(Files& files, const Opened& opened) {
  if (opened.mend.skips.empty()) return;
  files.log.resize(opened.mend.append_at);
  files.log += encode_skips(opened.mend, opened.edition);
}

std::string index_of(const std::string& log) {
  Listing listing;
  const auto summary = scan_into(listing, log);
  const Edition& edition = *summary.edition;
  std::string index = encode_index_header(edition);
  auto next = listing.tombstones_records().begin();
  const auto expunge_before = [&](std::uint64_t offset) {
    for (; next != listing.tombstones_records().end() && next->log_offset < offset; ++next)
      for (const auto& run : next->runs)
        append_index_entry(index, edition, {next->sequence, next->log_offset, next->record_octets, run});
  };
  for (const auto& message : listing.messages()) {
    expunge_before(message.log_offset);
    IndexAdd add;
    add.sequence = message.sequence;
    add.log_offset = message.log_offset;
    add.octets = message.octets;
    add.reply_octets = message.reply_octets;
    add.header_part_octets = message.header_part_octets;
    add.uidl = listing.uidl(message);
    append_index_entry(index, edition, add);
  }
  expunge_before(UINT64_MAX);
  return index;
}

LogBuilder sample() {
  LogBuilder builder;
  builder.message("one");
  builder.message("two");
  builder.message("three");
  builder.sync();
  builder.tombstones({Sequence{2}});
  builder.sync();
  return builder;
}

TEST(Recovery, FromTheIndexAndWithoutItTheListingIsTheSame) {  // M3, R017
  auto builder = sample();
  const std::string index = index_of(builder.log);
  builder.message("four");
  for (bool with_index : {true, false}) {
    Files files{builder.log, with_index ? std::optional(index) : std::nullopt};
    Opened opened;
    open_files(files, opened);
    EXPECT_EQ(opened.by_index, with_index);
    EXPECT_EQ(uidls_alive(opened.listing), (Uidls{"u1", "u3", "u5"}));
  }
}

TEST(Recovery, IndexCutAnywhereGivesTheSameListing) {  // M3, M7: a scan from the last entry's record on adds the rest
  const auto builder = sample();
  const std::string index = index_of(builder.log);
  for (std::size_t length = 0; length <= index.size(); ++length) {
    Files files{builder.log, index.substr(0, length)};
    Opened opened;
    open_files(files, opened);
    EXPECT_EQ(uidls_alive(opened.listing), (Uidls{"u1", "u3"})) << length;
    EXPECT_EQ(opened.listing.messages().size(), 3u) << length;
  }
}

TEST(Recovery, IndexOfAnotherEditionOrWithAFlippedBitGivesTheSameListing) {  // M3, M7
  const auto builder = sample();
  const std::string good = index_of(builder.log);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Files files{builder.log, good};
    auto& octet = (*files.index)[bit / 8];
    octet = static_cast<char>(octet ^ (1 << bit % 8));
    Opened opened;
    open_files(files, opened);
    ASSERT_EQ(uidls_alive(opened.listing), (Uidls{"u1", "u3"})) << bit;
  }
  LogBuilder other;
  other.edition = edition_of('F');
  other.message("other");
  Files files{builder.log, index_of(other.log)};
  Opened opened;
  open_files(files, opened);
  EXPECT_FALSE(opened.by_index);
  EXPECT_EQ(uidls_alive(opened.listing), (Uidls{"u1", "u3"}));
}

TEST(Recovery, IndexAheadOfTheLogIsDamageUnlessItsEditionIsAnother) {  // M7
  auto builder = sample();
  Files files{builder.log, std::nullopt};
  const auto length = builder.log.size();
  builder.message(std::string(3000, 'x'));
  files.index = index_of(builder.log);
  Opened opened;
  open_files(files, opened);
  EXPECT_EQ(opened.action, AfterScan::damaged);

  LogBuilder other;
  other.edition = edition_of('F');
  other.message("one");
  Files renewed{other.log, files.index};
  ASSERT_LT(renewed.log.size(), length);
  Opened reopened;
  open_files(renewed, reopened);
  EXPECT_EQ(reopened.action, AfterScan::serve_index_anew);
  EXPECT_EQ(uidls_alive(reopened.listing), (Uidls{"u1"}));
}

TEST(Recovery, ForeignFileIsDamageAndATornFirstAppendIsNot) {  // M7
  Files foreign{"From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n" + std::string(5000, 'x'), std::nullopt};
  Opened opened;
  open_files(foreign, opened);
  EXPECT_EQ(opened.action, AfterScan::damaged);

  LogBuilder builder;
  builder.message(std::string(3000, 'x'));
  for (std::size_t sectors = 0; sectors < 8; ++sectors) {  // any subset of the first three of an append's sectors
    Files torn{builder.log, std::nullopt};
    for (std::size_t sector = 0; sector < 3; ++sector)
      if (!(sectors & (1u << sector)))
        std::fill_n(torn.log.begin() + static_cast<std::ptrdiff_t>(512 * sector), 512, '\0');
    Opened first;
    open_files(torn, first);
    EXPECT_EQ(first.action, AfterScan::serve_index_anew) << sectors;
    EXPECT_EQ(first.listing.alive(), sectors == 7 ? 1u : 0u);
  }
}

TEST(Recovery, MendedLogIsWholeAndSaysTheSameEveryTimeAfter) {  // M8, M7
  std::mt19937_64 random(5);
  for (int round = 0; round < 500; ++round) {
    LogBuilder builder;
    for (std::size_t i = 0, count = random() % 6; i < count; ++i) {
      builder.message(std::string(random() % 3000, 'x'));
      if (random() % 2) builder.sync();
    }
    builder.sync();
    const std::uint64_t promised = builder.log.size();
    for (std::size_t i = 0, count = 1 + random() % 4; i < count; ++i)
      builder.message(std::string(random() % 3000, 'y'));
    Files files{builder.log, std::nullopt};
    // A power cut: every sector behind D landed or did not, and the length is anything.
    for (std::uint64_t at = promised; at < files.log.size(); at = (at / 512 + 1) * 512)
      if (random() % 3 == 0)
        std::fill(files.log.begin() + static_cast<std::ptrdiff_t>(at),
                  files.log.begin() +
                      static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(files.log.size(), (at / 512 + 1) * 512)),
                  '\0');
    files.log.resize(promised + random() % (files.log.size() - promised + 1));

    Opened first;
    open_files(files, first);
    EXPECT_TRUE(first.listing.damage().empty()) << round;
    const Uidls shown = uidls_alive(first.listing);
    mend(files, first);
    ASSERT_TRUE(first.mend.append_at >= builder.log.size() || first.mend.append_at >= files.log.size() ||
                first.mend.skips.empty() || files.log.size() > first.mend.append_at);

    // A new message behind it promises all of that; nothing of it may change its meaning then.
    LogBuilder later;
    later.edition = first.edition;
    later.log = files.log;
    later.log.resize(aligned_up(later.log.size()));
    later.sequence = 1000;
    later.sync();
    later.message("later", "later");
    for (bool verify_all : {false, true}) {
      Listing listing;
      ScanStart start;
      start.verify_all = verify_all;
      scan_into(listing, later.log, start);
      Uidls wanted = shown;
      wanted.emplace_back("later");
      ASSERT_EQ(uidls_alive(listing), wanted) << round;
      ASSERT_TRUE(listing.damage().empty()) << round;
      ASSERT_TRUE(listing.torn().empty()) << round;
      for (const auto& message : listing.messages()) ASSERT_TRUE(message.readable) << round;
    }
  }
}

TEST(Recovery, WhatIsInDoubtIsWrittenAgainFromDsPageOn) {  // M8
  LogBuilder builder;
  builder.message(std::string(5000, 'x'));
  builder.message("two");
  builder.sync();
  builder.message("three");
  Files files{builder.log, std::nullopt};
  Opened opened;
  open_files(files, opened);
  EXPECT_TRUE(opened.mend.needed);
  EXPECT_EQ(opened.mend.write_again, (Stretch{4096, builder.log.size() - 4096}));
  EXPECT_TRUE(opened.mend.skips.empty());
  EXPECT_EQ(opened.mend.next_sequence, Sequence{4});
  EXPECT_EQ(opened.mend.synced, builder.synced);

  files.index = index_of(builder.log);  // an entry says that its record was synced
  Opened promised;
  open_files(files, promised);
  EXPECT_FALSE(promised.mend.needed);
}

}  // namespace
}  // namespace ringpost::store
