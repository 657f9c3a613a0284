// Space comes back (M9), and what an import must remember survives it (M16, M17).
#include <cstring>
#include <gtest/gtest.h>

#include <ringpost/base/crc32c.h>
#include <ringpost/store/format.h>
#include <ringpost/store/names.h>

#include "../../src/store/growing_set.h"
#include "real_store.h"

namespace ringpost::store {
namespace {

class SpaceTest : public RealStore {
 protected:
  std::string mail(std::size_t octets, char fill = 'x') { return "Subject: s\r\n\r\n" + std::string(octets, fill); }
  std::uintmax_t log_octets(std::string_view account) { return std::filesystem::file_size(file_of(account, "mail")); }
};

TEST_F(SpaceTest, AMaildropWithoutALivingMessageBecomesAnEmptyFile) {  // M9
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(deliver("alice", mail(1000)));
  ASSERT_TRUE(visit("alice", {0, 1, 2, 3, 4}).closed);
  EXPECT_EQ(log_octets("alice"), 0U);
  EXPECT_EQ(std::filesystem::file_size(file_of("alice", "index")), 0U);
  ASSERT_TRUE(deliver("alice", mail(7)));
  EXPECT_EQ(visit("alice").replies(), std::vector{reply_to(mail(7))});
  restart();
  EXPECT_EQ(visit("alice").replies(), std::vector{reply_to(mail(7))});
}

TEST_F(SpaceTest, MoreDeadThanLivingAboveTheFloorIsCompacted) {  // M9
  settings.compaction_floor = 64 << 10;
  restart();
  std::vector<std::string> living;
  std::vector<std::uint32_t> dead;
  for (std::uint32_t i = 0; i < 60; ++i) {
    // Small ones share a window, one is larger than a window.
    const std::string text = mail(i == 30 ? 600 << 10 : 20 << 10, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(deliver("alice", text));
    if (i == 30 || i % 10 == 0)
      living.push_back(reply_to(text));
    else
      dead.push_back(i);
  }
  const std::vector<Seen> before = visit("alice").messages;
  ASSERT_TRUE(visit("alice", dead).closed);
  EXPECT_EQ(maildrops->counters().compactions, 1U);
  EXPECT_LT(log_octets("alice"), 800U << 10);
  const Visit after = visit("alice");
  EXPECT_EQ(after.replies(), living);
  for (std::size_t i = 0; i < after.messages.size(); ++i)
    EXPECT_EQ(after.messages[i].uidl, before[i == 0 ? 0 : i * 10].uidl) << "UIDLs are kept (R017)";
  ASSERT_TRUE(deliver("alice", mail(3)));
  living.push_back(reply_to(mail(3)));
  EXPECT_EQ(visit("alice").replies(), living);
  restart();
  EXPECT_EQ(visit("alice").replies(), living);
  EXPECT_EQ(maildrops->counters().opens_from_index, 1U);
  end();
  std::filesystem::remove(file_of("alice", "index"));
  begin();
  EXPECT_EQ(visit("alice").replies(), living);
  EXPECT_EQ(maildrops->counters().skips_written, 0U) << "a sealed file is never in doubt";
}

TEST_F(SpaceTest, CompactByHandWantsTheLock) {
  ASSERT_TRUE(deliver("alice", mail(100)));
  ASSERT_TRUE(deliver("alice", mail(200)));
  ASSERT_TRUE(visit("alice", {0}).closed);
  Person person(proactor);
  auto lease = run(maildrops->open("alice", person));
  ASSERT_TRUE(lease);
  EXPECT_EQ(run(maildrops->compact("alice")).error(), StoreError::in_use);
  EXPECT_TRUE(run(maildrops->close(std::move(*lease), {})));
  EXPECT_TRUE(run(maildrops->compact("alice")));
  EXPECT_EQ(visit("alice").replies(), std::vector{reply_to(mail(200))});
  EXPECT_EQ(run(maildrops->compact("nobody")).error(), StoreError::not_found);
}

TEST_F(SpaceTest, LeftoversOfARewritingAreRemovedAtOpen) {  // M9
  ASSERT_TRUE(deliver("alice", mail(100)));
  end();
  write_file(file_of("alice", "mail.new"), "half a file");
  begin();
  EXPECT_EQ(visit("alice").messages.size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(file_of("alice", "mail.new")));
}

TEST_F(SpaceTest, ASecondImportAddsNothingAlsoAfterDeletionAndEmptying) {  // M17
  for (std::uint8_t i = 1; i <= 3; ++i) ASSERT_EQ(import("alice", mail(i), i)->what, Appended::stored);
  EXPECT_EQ(import("alice", mail(2), 2)->what, Appended::already_there);
  ASSERT_TRUE(visit("alice", {1}).closed);
  EXPECT_EQ(import("alice", mail(2), 2)->what, Appended::already_there) << "deleted ones count";
  ASSERT_TRUE(visit("alice", {0, 1}).closed);
  EXPECT_EQ(log_octets("alice"), 0U);
  restart();
  for (std::uint8_t i = 1; i <= 3; ++i) EXPECT_EQ(import("alice", mail(i), i)->what, Appended::already_there);
  EXPECT_EQ(import("alice", mail(1), 9)->what, Appended::stored) << "equal mails with different ids stay two";
  EXPECT_EQ(visit("alice").messages.size(), 1U);
}

TEST_F(SpaceTest, IdsOfWhatACompactionDropsAreInTheLedger) {  // M17
  for (std::uint8_t i = 1; i <= 4; ++i) ASSERT_TRUE(import("alice", mail(i), i));
  ASSERT_TRUE(visit("alice", {0, 2}).closed);
  ASSERT_TRUE(run(maildrops->compact("alice")));
  restart();
  for (std::uint8_t i = 1; i <= 4; ++i) EXPECT_EQ(import("alice", mail(i), i)->what, Appended::already_there);
  EXPECT_EQ(visit("alice").messages.size(), 2U);
}

TEST_F(SpaceTest, NoUidlNamesTwoMessagesEver) {  // M16
  auto first = import("alice", mail(1), 1, "wanted");
  EXPECT_EQ(first->uidl, "wanted");
  auto second = import("alice", mail(2), 2, "wanted");
  EXPECT_TRUE(second->uidl_replaced);
  EXPECT_NE(second->uidl, "wanted");
  EXPECT_EQ(events.count("uidl_replaced"), 1U);
  ASSERT_TRUE(visit("alice", {0, 1}).closed);
  restart();
  EXPECT_TRUE(import("alice", mail(3), 3, "wanted")->uidl_replaced) << "also when log and message are long gone";
  EXPECT_TRUE(import("alice", mail(4), 4, "with space")->uidl_replaced) << "no UIDL at all (P043)";
}

TEST_F(SpaceTest, ASpooledMessageIsCopiedAndChecked) {  // M4
  const Mail mail_in_memory(mail(700 << 10));
  const std::string spool_name = path + "/spool";
  write_file(spool_name, mail_in_memory.wire);
  const int spool = ::open(spool_name.c_str(), O_RDWR);
  Incoming incoming = mail_in_memory.incoming;
  incoming.wire_form = {};
  incoming.spooled = spool;
  ASSERT_TRUE(deliver("alice", "before"));
  ASSERT_TRUE(run(maildrops->append("alice", incoming)));
  incoming.wire_crc32c ^= 1;
  EXPECT_EQ(run(maildrops->append("alice", incoming)).error(), StoreError::temporary);
  EXPECT_EQ(events.count("store_skip"), 1U) << "what failed is covered by a skip (M8)";
  ASSERT_TRUE(deliver("alice", "behind"));
  const std::vector expected{reply_to("before"), reply_to(mail(700 << 10)), reply_to("behind")};
  EXPECT_EQ(visit("alice").replies(), expected);
  end();
  std::filesystem::remove(file_of("alice", "index"));
  begin();
  EXPECT_EQ(visit("alice").replies(), expected);
  ::close(spool);
}

// As many records as a QUIT or an import must not handle in one turn of its core; source ids and UIDLs by number.
std::string large_log(const Edition& edition, std::uint32_t messages) {
  const std::string wire = "Subject: s\r\n\r\n";
  std::string log;
  for (std::uint32_t i = 0; i < messages; ++i) {
    MessageToWrite message;
    message.sequence = {i + 1};
    message.octets = message.wire_octets = message.header_part_octets = wire.size();
    message.wire_crc32c = crc32c(octets_of(wire));
    std::memcpy(message.source.id.octets.data(), &message.sequence.value, sizeof message.sequence.value);
    message.source.id.octets[15] = std::byte{0x55};
    const std::string uidl = "uidl-" + std::to_string(i);
    message.uidl = uidl;
    const MessageFrame frame = encode_message(edition, message);
    log += text_of(frame.head());
    log += wire;
    log += text_of(frame.tail());
  }
  return log + encode_skip(edition, {messages + 1}, log.size(), log.size(), log.size());
}

// M6, M17: it takes its time in turns, and what comes out is the same.
TEST_F(SpaceTest, ALargeMaildropIsDeletedFromAndRememberedAllTheSame) {
  constexpr std::uint32_t messages = 50'000;
  ASSERT_TRUE(deliver("alice", mail(1)));
  end();
  const Edition edition = decode_record(octets_of(read_file(file_of("alice", "mail"))))->edition;
  write_file(file_of("alice", "mail"), large_log(edition, messages));
  std::filesystem::remove(file_of("alice", "index"));
  begin();
  std::vector<std::string> left;
  const auto quit = [&](auto goes) {
    Person person(proactor);
    auto lease = run(maildrops->open("alice", person));
    ASSERT_TRUE(lease);
    std::vector<SnapshotIndex> marks;
    left.clear();
    for (std::uint32_t i = 0; i < lease->snapshot().count(); ++i)
      if (goes(i))
        marks.push_back({i});
      else
        left.emplace_back(lease->snapshot().entry({i}).uidl);
    ASSERT_TRUE(run(maildrops->close(std::move(*lease), std::move(marks))));
  };
  const auto shown = [&] {
    Person person(proactor);
    auto lease = run(maildrops->open("alice", person));
    std::vector<std::string> uidls;
    for (std::uint32_t i = 0; i < lease->snapshot().count(); ++i) uidls.emplace_back(lease->snapshot().entry({i}).uidl);
    EXPECT_TRUE(run(maildrops->close(std::move(*lease), {})));
    return uidls;
  };
  settings.compaction_floor = std::uint64_t{1} << 40;
  restart();
  quit([](std::uint32_t i) { return i % 3 != 0 || (i > 20'000 && i < 40'000); });
  EXPECT_EQ(shown(), left);
  restart();
  EXPECT_EQ(shown(), left);
  quit([](std::uint32_t) { return true; });
  EXPECT_EQ(log_octets("alice"), 0U);
  EXPECT_EQ(std::filesystem::file_size(file_of("alice", "imported")), messages * 96U);
  const Mail again(mail(1));
  Incoming incoming = again.incoming;
  incoming.source.id.octets[15] = std::byte{0x55};
  for (std::uint64_t number : {1u, 25'000u, messages}) {
    std::memcpy(incoming.source.id.octets.data(), &number, sizeof number);
    EXPECT_EQ(run(maildrops->append("alice", incoming))->what, Appended::already_there) << number;
  }
}

TEST(GrowingSet, HoldsWhatWasPutInOnceWhateverItsSize) {
  struct Mixed {
    std::uint64_t operator()(std::uint64_t value) const noexcept {
      return name_hash({reinterpret_cast<const char*>(&value), sizeof value});
    }
  };
  GrowingSet<std::uint64_t, Mixed> set;
  for (std::uint64_t value = 0; value < 20'000; ++value) {
    EXPECT_FALSE(set.contains(value));
    set.insert(value);
    set.insert(value);
    EXPECT_TRUE(set.contains(value / 2));
    EXPECT_EQ(set.size(), value + 1);
  }
  for (std::uint64_t value = 0; value < 20'000; ++value) ASSERT_TRUE(set.contains(value));
}

}  // namespace
}  // namespace ringpost::store
