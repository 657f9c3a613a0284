#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <ringpost/store/ledger_format.h>

namespace ringpost::store {
namespace {

SourceId source_of(int i) {
  SourceId source;
  source.id.octets[0] = std::byte(i);
  source.id.octets[15] = std::byte(1);
  return source;
}

std::string sample(int entries) {
  std::string ledger;
  for (int i = 0; i < entries; ++i)
    append_ledger_entry(ledger, {source_of(i), std::string(static_cast<std::size_t>(1 + i % 70), 'u')});
  return ledger;
}

std::vector<SourceId> read_ledger(LedgerReader& reader, std::string_view ledger, std::size_t slice) {
  std::vector<SourceId> sources;
  for (std::size_t at = 0; at < ledger.size(); at += slice) {
    const std::string octets(ledger.substr(at, slice));
    reader.feed(octets_of(octets));
    while (auto entry = reader.next()) {
      EXPECT_EQ(entry->uidl, std::string(1 + static_cast<std::size_t>(entry->source.id.octets[0]) % 70, 'u'));
      sources.push_back(entry->source);
    }
  }
  return sources;
}

TEST(LedgerFormat, SaysInSlicesOfAnySizeWhatWasWritten) {  // M17
  const std::string ledger = sample(75);
  EXPECT_EQ(ledger.size(), 75 * ledger_entry_octets);
  for (std::size_t slice : {1ul, 7ul, 95ul, 96ul, 97ul, 500ul, ledger.size()}) {
    LedgerReader reader;
    const auto sources = read_ledger(reader, ledger, slice);
    ASSERT_EQ(sources.size(), 75u) << slice;
    for (int i = 0; i < 75; ++i) EXPECT_EQ(sources[static_cast<std::size_t>(i)], source_of(i));
    EXPECT_EQ(reader.valid_octets(), ledger.size());
    EXPECT_EQ(reader.damaged(), 0u);
  }
}

TEST(LedgerFormat, TornTailIsWhereTheNextEntryGoes) {  // M17
  const std::string ledger = sample(5);
  for (std::size_t length = 0; length <= ledger.size(); ++length) {
    for (std::string tail : {std::string(), std::string(300, '\0')}) {
      LedgerReader reader;
      const std::string torn = ledger.substr(0, length) + tail;
      std::size_t whole = 0;  // an entry that lost only zeros to zeros lost nothing
      while (whole < 5 && torn.substr(whole * ledger_entry_octets, ledger_entry_octets) ==
                              ledger.substr(whole * ledger_entry_octets, ledger_entry_octets))
        ++whole;
      EXPECT_EQ(read_ledger(reader, torn, 64).size(), whole);
      EXPECT_EQ(reader.valid_octets(), whole * ledger_entry_octets);
      EXPECT_EQ(reader.damaged(), 0u);
    }
  }
}

TEST(LedgerFormat, EveryFlippedBitHidesItsEntryOnlyAndIsCounted) {  // M17
  const std::string good = sample(3);
  for (std::size_t bit = 0; bit < ledger_entry_octets * 8; ++bit) {
    std::string ledger = good;
    auto& octet = ledger[ledger_entry_octets + bit / 8];
    octet = static_cast<char>(octet ^ (1 << bit % 8));
    LedgerReader reader;
    EXPECT_EQ(read_ledger(reader, ledger, 4096).size(), 2u) << bit;
    EXPECT_EQ(reader.damaged(), 1u);
    EXPECT_EQ(reader.valid_octets(), ledger.size());
  }
}

}  // namespace
}  // namespace ringpost::store
