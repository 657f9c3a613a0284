#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <ringpost/store/index_format.h>

#include "log_builder.h"

namespace ringpost::store {
namespace {

struct Read {
  IndexReader reader;
  std::vector<std::string> uidls;
  std::vector<SequenceRun> runs;
};

void read_index(Read& read, std::string_view index, std::size_t slice) {
  for (std::size_t at = 0; at < index.size(); at += slice) {
    const std::string octets(index.substr(at, slice));
    read.reader.feed(octets_of(octets));
    while (auto* entry = read.reader.next()) {
      if (entry->kind == IndexEntryKind::add)
        read.uidls.emplace_back(entry->add.uidl);
      else
        read.runs.push_back(entry->expunge.run);
    }
  }
  read.reader.finish();
}

std::string sample(std::size_t adds, std::vector<std::size_t>* ends = nullptr) {
  const Edition edition = edition_of('E');
  std::string index = encode_index_header(edition);
  for (std::size_t i = 0; i < adds; ++i) {
    IndexAdd add;
    add.sequence = Sequence{i + 1};
    add.log_offset = i * 640;
    add.octets = 10 + i;
    add.reply_octets = 40 + i;
    const std::string uidl(1 + i % 70, static_cast<char>('a' + i % 26));
    add.uidl = uidl;
    if (i % 3 == 0) add.source.id.octets[0] = std::byte(i + 1);
    append_index_entry(index, edition, add);
    if (ends) ends->push_back(index.size());
  }
  append_index_entry(index, edition, IndexExpunge{Sequence{adds + 1}, adds * 640, 128, {2, 3}});
  if (ends) ends->push_back(index.size());
  return index;
}

TEST(IndexFormat, SaysInSlicesOfAnySizeWhatWasWritten) {  // M3
  const std::string index = sample(150);
  for (std::size_t slice : {1ul, 3ul, 8ul, 31ul, 33ul, 64ul, 100ul, 135ul, 137ul, 1000ul, index.size()}) {
    Read read;
    read_index(read, index, slice);
    EXPECT_EQ(read.reader.state(), IndexReader::State::good) << slice;
    ASSERT_EQ(read.uidls.size(), 150u) << slice;
    for (std::size_t i = 0; i < 150; ++i)
      EXPECT_EQ(read.uidls[i], std::string(1 + i % 70, static_cast<char>('a' + i % 26))) << slice;
    ASSERT_EQ(read.runs.size(), 1u);
    EXPECT_EQ(read.runs[0].first, 2u);
    EXPECT_EQ(read.runs[0].count, 3u);
    EXPECT_EQ(read.reader.edition(), edition_of('E'));
    EXPECT_EQ(read.reader.valid_octets(), index.size());
    EXPECT_EQ(read.reader.last_record_offset(), 150u * 640);
    EXPECT_EQ(read.reader.last_record_end(), 150u * 640 + 128);
    EXPECT_EQ(read.reader.last_record_sequence(), Sequence{151});
  }
}

TEST(IndexFormat, FieldsOfAnEntryComeBack) {
  const Edition edition = edition_of('E');
  std::string index = encode_index_header(edition);
  IndexAdd add;
  add.sequence = Sequence{1ull << 60};
  add.log_offset = 1ull << 40;
  add.octets = 12345;
  add.reply_octets = 12400;
  add.header_part_octets = 17;
  add.flags = message_smtputf8;
  add.source.id.octets[15] = std::byte{1};
  add.uidl = "uidl";
  append_index_entry(index, edition, add);
  IndexReader reader;
  reader.feed(octets_of(index));
  const auto* entry = reader.next();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->add.sequence, add.sequence);
  EXPECT_EQ(entry->add.log_offset, add.log_offset);
  EXPECT_EQ(entry->add.octets, add.octets);
  EXPECT_EQ(entry->add.reply_octets, add.reply_octets);
  EXPECT_EQ(entry->add.header_part_octets, add.header_part_octets);
  EXPECT_EQ(entry->add.flags, add.flags);
  EXPECT_EQ(entry->add.source, add.source);
  EXPECT_EQ(entry->add.uidl, "uidl");
  EXPECT_EQ(entry->add.reply_skip(), 56u + 41 + 4);
}

TEST(IndexFormat, CutAnywhereItGivesTheEntriesBeforeTheCut) {  // M3
  std::vector<std::size_t> ends;
  const std::string index = sample(12, &ends);
  for (std::size_t length = 0; length <= index.size(); ++length)
    for (std::size_t slice : {7ul, 4096ul}) {
      Read read;
      read_index(read, std::string_view(index).substr(0, length), slice);
      const auto whole = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), length) - ends.begin());
      EXPECT_EQ(read.uidls.size() + read.runs.size(), whole) << length;
      if (length < index_header_octets) {
        EXPECT_EQ(read.reader.state(), IndexReader::State::no_header);
      } else {
        const std::size_t valid = whole ? ends[whole - 1] : index_header_octets;
        EXPECT_EQ(read.reader.valid_octets(), valid);
        EXPECT_EQ(read.reader.state(), valid == length ? IndexReader::State::good : IndexReader::State::torn);
      }
    }
}

TEST(IndexFormat, ValidEntryBehindAnInvalidOneIsAHole) {  // M7
  std::vector<std::size_t> ends;
  const std::string good = sample(12, &ends);
  for (std::size_t at = index_header_octets; at < good.size(); ++at)
    for (std::size_t slice : {5ul, 4096ul}) {
      std::string index = good;
      index[at] = static_cast<char>(index[at] ^ 0x40);
      Read read;
      read_index(read, index, slice);
      const bool in_last = at >= ends[ends.size() - 2];
      EXPECT_EQ(read.reader.state(), in_last ? IndexReader::State::torn : IndexReader::State::holed) << at;
    }
}

TEST(IndexFormat, ZerosInTheMiddleAreAHoleZerosAtTheEndATornTail) {  // M3, M7: never synced, so both happen
  std::vector<std::size_t> ends;
  const std::string good = sample(40, &ends);
  std::string holed = good;
  std::fill(holed.begin() + 512, holed.begin() + 1024, '\0');
  Read read;
  read_index(read, holed, 4096);
  EXPECT_EQ(read.reader.state(), IndexReader::State::holed);

  Read padded;
  read_index(padded, good + std::string(5000, '\0'), 333);
  EXPECT_EQ(padded.reader.state(), IndexReader::State::torn);
  EXPECT_EQ(padded.reader.valid_octets(), good.size());
  EXPECT_EQ(padded.uidls.size(), 40u);
}

TEST(IndexFormat, AnotherEditionsEntriesAreInvalid) {  // M3
  std::string index = encode_index_header(edition_of('E'));
  IndexAdd add;
  add.uidl = "x";
  append_index_entry(index, edition_of('F'), add);
  Read read;
  read_index(read, index, 4096);
  EXPECT_EQ(read.reader.state(), IndexReader::State::torn);
  EXPECT_EQ(read.reader.entries(), 0u);
}

TEST(IndexFormat, WhatIsNoIndexHasNoHeader) {  // M3: a foreign file
  for (std::string_view foreign : {"From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n", ""}) {
    Read read;
    read_index(read, foreign, 10);
    EXPECT_EQ(read.reader.state(), IndexReader::State::no_header);
    EXPECT_EQ(read.reader.entries(), 0u);
  }
}

}  // namespace
}  // namespace ringpost::store
