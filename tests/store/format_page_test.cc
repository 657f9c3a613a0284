// format_page_test.cc: the worked example of docs/maildrop-format.md, decoded out of the page itself.
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <string>

#include <ringpost/store/ledger_format.h>
#include <ringpost/store/recovery.h>

#include "log_builder.h"

namespace ringpost::store {
namespace {

// The hex dumps of the page, by the file whose name begins the paragraph before.
std::map<std::string, std::string> dumps_of_the_page() {
  std::ifstream page(RINGPOST_FORMAT_PAGE);
  EXPECT_TRUE(page) << RINGPOST_FORMAT_PAGE;
  const std::regex file("^`(mail|index|imported)`: .*");
  const std::regex dump("^    ([0-9a-f]{8})((?: {1,2}[0-9a-f]{2}){1,16}) +\\|.*\\|$");
  std::map<std::string, std::string> dumps;
  std::string name;
  std::smatch match;
  for (std::string line; std::getline(page, line);) {
    if (std::regex_match(line, match, file)) name = match[1];
    if (!std::regex_match(line, match, dump)) continue;
    std::string& octets = dumps[name];
    EXPECT_EQ(std::stoul(match[1], nullptr, 16), octets.size()) << line;
    const std::string row = match[2];
    for (std::size_t at = row.find_first_not_of(' '); at != std::string::npos; at = row.find_first_not_of(' ', at + 2))
      octets += static_cast<char>(std::stoul(row.substr(at, 2), nullptr, 16));
  }
  return dumps;
}

TEST(FormatPage, TheLogOfTheExampleHoldsADeletedMessageAndASeal) {  // M1, M9
  const std::string log = dumps_of_the_page()["mail"];
  const auto message = decode_record(octets_of(log));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->octets, 20u);
  EXPECT_EQ(message->wire_octets(), 21u);
  EXPECT_EQ(message->header_part_octets, 17u);
  EXPECT_EQ(message->uidl, "ringpost-example-1");
  EXPECT_EQ(message->header_octets, 0x73u);
  EXPECT_EQ(log.substr(message->header_octets, message->payload_octets),
            "+OK 20 octets\r\nSubject: dots\r\n\r\n..\r\n.\r\n");
  EXPECT_EQ(decode_record(octets_of(log).subspan(0xc0))->kind, RecordKind::tombstones);
  EXPECT_EQ(decode_record(octets_of(log).subspan(0x140))->kind, RecordKind::skip);

  Listing listing;
  ScanStart start;
  start.verify_all = true;
  const auto summary = scan_into(listing, log, start);
  ASSERT_EQ(listing.messages().size(), 1u);
  EXPECT_FALSE(listing.messages()[0].alive);
  EXPECT_TRUE(listing.messages()[0].readable);
  EXPECT_TRUE(listing.damage().empty() && listing.torn().empty() && listing.skips().empty());
  EXPECT_EQ(summary.promised, 0x140u);
  EXPECT_EQ(summary.append_at, log.size());
}

TEST(FormatPage, TheIndexOfTheExampleSaysTheSame) {  // M3
  const auto dumps = dumps_of_the_page();
  const std::string& index = dumps.at("index");
  IndexReader reader;
  Listing listing;
  reader.feed(octets_of(index));
  while (const auto* entry = reader.next()) listing.take(*entry);
  reader.finish();
  listing.finish();
  EXPECT_EQ(reader.state(), IndexReader::State::good);
  EXPECT_EQ(reader.entries(), 2u);
  ASSERT_EQ(listing.messages().size(), 1u);
  EXPECT_EQ(listing.uidl(listing.messages()[0]), "ringpost-example-1");
  EXPECT_EQ(listing.messages()[0].octets, 20u);
  EXPECT_EQ(listing.alive(), 0u);
  EXPECT_EQ(decode_record(octets_of(dumps.at("mail")))->edition, reader.edition());
  EXPECT_EQ(index_presence(&reader, dumps.at("mail").size()), IndexPresence::fits_so_far);
}

TEST(FormatPage, TheLedgerOfTheExampleNamesTheSameSource) {  // M17
  const auto dumps = dumps_of_the_page();
  const auto entry = decode_ledger_entry(octets_of(dumps.at("imported")));
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->uidl, "ringpost-example-1");
  EXPECT_EQ(entry->source, decode_record(octets_of(dumps.at("mail")))->source);
}

}  // namespace
}  // namespace ringpost::store
