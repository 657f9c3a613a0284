// What check finds and repair mends (M7, M18), on the real file system.
#include <gtest/gtest.h>
#include <set>

#include <ringpost/store/index_format.h>

#include "real_store.h"

namespace ringpost::store {
namespace {

class RepairTest : public RealStore {
 protected:
  static std::string mail(std::size_t octets, char fill) { return "Subject: r\r\n\r\n" + std::string(octets, fill); }

  std::string log_file() const { return file_of("alice", "mail"); }

  // Breaks files while no process has them.
  template <typename Change>
  void between_processes(Change change) {
    end();
    change();
    begin();
  }
  void flip_octet(const std::string& name, std::size_t at) {
    std::string octets = read_file(name);
    ASSERT_LT(at, octets.size());
    octets[at] = static_cast<char>(octets[at] ^ 0x20);
    write_file(name, octets);
  }

  CheckReport check() {
    auto report = run(maildrops->check("alice"));
    EXPECT_TRUE(report);
    found.clear();
    if (report)
      for (const Finding& finding : report->findings)
        found += std::string(text_of(finding.kind)) + ": " + finding.file + " at " + std::to_string(finding.offset) +
                 ", " + std::to_string(finding.octets) + " octets\n";
    return report ? *report : CheckReport{};
  }
  std::string found;  // by the last check, for a failing test to tell
  RepairReport repair() {
    auto report = run(maildrops->repair("alice"));
    EXPECT_TRUE(report) << text_of(report.error());
    return report ? *report : RepairReport{};
  }
  static std::size_t count(const CheckReport& report, FindingKind kind) {
    std::size_t met = 0;
    for (const Finding& finding : report.findings) met += finding.kind == kind;
    return met;
  }
  static const Finding& first(const CheckReport& report, FindingKind kind) {
    static const Finding none;
    for (const Finding& finding : report.findings)
      if (finding.kind == kind) return finding;
    ADD_FAILURE() << "no such finding";
    return none;
  }
  std::vector<std::string> uidls() {
    std::vector<std::string> all;
    for (const Seen& seen : visit("alice").messages) all.push_back(seen.uidl);
    return all;
  }
  std::vector<std::string> file_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(log_file()).parent_path()))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  // Where the records begin.
  std::vector<std::uint64_t> records() {
    const std::string log = read_file(log_file());
    std::vector<std::uint64_t> offsets;
    for (std::uint64_t at = 0; at < log.size();) {
      const auto record = decode_record(octets_of(log).subspan(at));
      if (!record) break;
      offsets.push_back(at);
      at += record->record_octets();
    }
    return offsets;
  }
};

TEST_F(RepairTest, WholeMaildropIsWholeAndRepairChangesNothing) {  // M18
  for (char c : {'a', 'b', 'c'}) ASSERT_TRUE(deliver("alice", mail(1000, c)));
  ASSERT_TRUE(visit("alice", {1}).closed);
  const CheckReport report = check();
  EXPECT_TRUE(report.whole()) << found;
  EXPECT_EQ(report.messages, 2u);
  EXPECT_EQ(report.octets, 2 * (14u + 1000 + 2));
  EXPECT_EQ(report.log_octets, std::filesystem::file_size(log_file()));
  EXPECT_TRUE(report.findings.empty());

  const std::string before = read_file(log_file());
  EXPECT_FALSE(repair().mended);
  EXPECT_EQ(read_file(log_file()), before);
  EXPECT_EQ(visit("alice").messages.size(), 2u);
}

TEST_F(RepairTest, FlippedBitInAMessageIsFoundWithFileAndOffsetAndOnlyThatMessageIsLost) {  // M7, M18, R017
  for (char c : {'a', 'b', 'c'}) ASSERT_TRUE(deliver("alice", mail(300'000, c)));
  const auto before = uidls();
  const auto offsets = records();
  between_processes([&] { flip_octet(log_file(), offsets[1] + 200'000); });
  EXPECT_EQ(visit("alice").messages.size(), 3u) << "listed all the same";
  CheckReport report = check();
  EXPECT_EQ(report.harm, 1u);
  const Finding& finding = first(report, FindingKind::unreadable_message);
  EXPECT_EQ(path + '/' + finding.file, log_file());
  EXPECT_EQ(finding.offset, offsets[1]);
  EXPECT_EQ(finding.octets, offsets[2] - offsets[1]);
  EXPECT_EQ(finding.uidl, before[1]);
  EXPECT_GE(events.count("store_damage"), 1u);
  {
    Person person(proactor);
    auto lease = run(maildrops->open("alice", person));
    ASSERT_TRUE(lease);
    ASSERT_EQ(lease->snapshot().count(), 3u);
    for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(lease->snapshot().entry({i}).unreadable, i == 1) << i;
    EXPECT_TRUE(run(maildrops->close(std::move(*lease), {})));
  }

  const RepairReport mended = repair();
  EXPECT_TRUE(mended.mended);
  EXPECT_EQ(mended.messages_kept, 2u);
  EXPECT_EQ(mended.messages_lost, 1u);
  EXPECT_TRUE(std::filesystem::exists(path + '/' + mended.set_aside));
  EXPECT_EQ(uidls(), (std::vector{before[0], before[2]}));
  EXPECT_EQ(visit("alice").replies(), (std::vector{reply_to(mail(300'000, 'a')), reply_to(mail(300'000, 'c'))}));
  restart();
  report = check();
  EXPECT_TRUE(report.whole()) << found;
  EXPECT_EQ(count(report, FindingKind::set_aside), 1u);
  ASSERT_TRUE(deliver("alice", mail(5, 'd')));
  EXPECT_EQ(visit("alice").messages.size(), 3u);
}

TEST_F(RepairTest, DamagedHeaderIsDamageWithItsLengthAndRepairPutsTheOldLogAside) {  // M7, M18
  for (char c : {'a', 'b', 'c'}) ASSERT_TRUE(deliver("alice", mail(5000, c)));
  const auto before = uidls();
  const auto offsets = records();
  std::string damaged;
  between_processes([&] {
    flip_octet(log_file(), offsets[1] + 40);
    damaged = read_file(log_file());
    std::filesystem::remove(file_of("alice", "index"));
  });
  EXPECT_EQ(uidls(), (std::vector{before[0], before[2]})) << "the rest is served";
  EXPECT_EQ(events.count("store_damage"), 1u);
  const Finding finding = first(check(), FindingKind::damage);
  EXPECT_EQ(finding.offset, offsets[1]);
  EXPECT_EQ(finding.octets, offsets[2] - offsets[1]);

  const RepairReport mended = repair();
  EXPECT_EQ(read_file(path + '/' + mended.set_aside), damaged);
  const auto old_edition = decode_record(octets_of(damaged))->edition;
  EXPECT_NE(mended.set_aside.find("mail.damaged-" + hex(old_edition.id.octets)), std::string::npos);
  EXPECT_NE(decode_record(octets_of(read_file(log_file())))->edition, old_edition);
  EXPECT_EQ(uidls(), (std::vector{before[0], before[2]}));
  EXPECT_TRUE(check().whole()) << found;
  const auto names = file_names();
  EXPECT_EQ(std::count_if(names.begin(), names.end(), [](const auto& name) { return name.ends_with(".new"); }), 0);
}

// A damaged header hides a message from every list; its octets may be all there. Only repair, which keeps the old file,
// may take them out of the log.
TEST_F(RepairTest, WhatIsDamagedIsNeverGivenBackAsSpaceBeforeARepair) {  // M7, M9, M18
  settings.compaction_floor = 512;
  for (char c : {'a', 'b', 'c'}) ASSERT_TRUE(deliver("alice", mail(5000, c)));
  const auto offsets = records();
  between_processes([&] {
    flip_octet(log_file(), offsets[1] + 40);
    std::filesystem::remove(file_of("alice", "index"));
  });
  const std::string hidden = mail(5000, 'b');
  const auto still_there = [&](const std::string& name) { return read_file(name).find(hidden) != std::string::npos; };
  ASSERT_TRUE(visit("alice", {0}).closed);  // more is dead than alive
  EXPECT_TRUE(still_there(log_file()));
  EXPECT_EQ(run(maildrops->compact("alice")).error(), StoreError::damaged);
  restart();  // another process knows it too
  EXPECT_EQ(run(maildrops->compact("alice")).error(), StoreError::damaged);
  ASSERT_TRUE(deliver("alice", mail(10, 'd')));
  restart();
  ASSERT_TRUE(visit("alice", {0, 1}).closed);  // nothing is alive
  EXPECT_TRUE(still_there(log_file()));

  const RepairReport mended = repair();
  EXPECT_TRUE(still_there(path + '/' + mended.set_aside));
  EXPECT_TRUE(check().whole()) << found;
  ASSERT_TRUE(deliver("alice", mail(10, 'e')));
  ASSERT_TRUE(visit("alice", {0}).closed);
  EXPECT_EQ(std::filesystem::file_size(log_file()), 0u) << "whole again, space comes back again";
}

TEST_F(RepairTest, DeletionWhoseTombstonesAreDamagedStaysOneByTheIndex) {  // M18
  for (char c : {'a', 'b'}) ASSERT_TRUE(deliver("alice", mail(100, c)));
  const auto before = uidls();
  ASSERT_TRUE(visit("alice", {0}).closed);
  ASSERT_TRUE(deliver("alice", mail(100, 'c')));
  const auto offsets = records();
  between_processes([&] { flip_octet(log_file(), offsets[2] + 64); });
  EXPECT_EQ(count(check(), FindingKind::damage), 1u);
  EXPECT_TRUE(repair().mended);
  EXPECT_EQ(visit("alice").replies(), (std::vector{reply_to(mail(100, 'b')), reply_to(mail(100, 'c'))}));
}

TEST_F(RepairTest, MissingLogBesideItsIndexIsRefusedUntilRepairDecides) {  // M7
  ASSERT_TRUE(import("alice", mail(100, 'a'), 1, "one"));
  ASSERT_TRUE(import("alice", mail(100, 'b'), 2, "two"));
  ASSERT_TRUE(visit("alice", {0}).closed);
  between_processes([&] { std::filesystem::remove(log_file()); });
  EXPECT_EQ(visit("alice").opened.error(), StoreError::damaged);
  EXPECT_EQ(deliver("alice", mail(1, 'x')).error(), StoreError::damaged);
  EXPECT_EQ(count(check(), FindingKind::log_missing), 1u);
  const RepairReport mended = repair();
  EXPECT_TRUE(mended.mended);
  EXPECT_EQ(mended.set_aside, "");
  EXPECT_TRUE(visit("alice").messages.empty());
  EXPECT_EQ(import("alice", mail(100, 'a'), 1, "one")->what, Appended::already_there) << "a client deleted it (M17)";
  EXPECT_EQ(import("alice", mail(100, 'b'), 2, "two")->what, Appended::stored) << "lost, not deleted";
  EXPECT_EQ(uidls(), std::vector<std::string>{"two"});
}

TEST_F(RepairTest, ForeignFileIsRefusedAndPutAside) {  // M7, M18
  ASSERT_TRUE(deliver("alice", mail(100, 'a')));
  const std::string foreign = "From somebody Thu Jan  1 00:00:00 1970\n" + std::string(5000, 'x');
  between_processes([&] { write_file(log_file(), foreign); });
  EXPECT_EQ(visit("alice").opened.error(), StoreError::damaged);
  EXPECT_EQ(read_file(log_file()), foreign) << "nobody writes into what is not ours";
  EXPECT_EQ(first(check(), FindingKind::log_foreign).octets, foreign.size());
  const RepairReport mended = repair();
  EXPECT_EQ(read_file(path + '/' + mended.set_aside), foreign);
  ASSERT_TRUE(deliver("alice", mail(100, 'b')));
  EXPECT_EQ(visit("alice").replies(), std::vector{reply_to(mail(100, 'b'))});
}

TEST_F(RepairTest, CutLogIsRefusedAndRepairKeepsWhatIsThere) {  // M7
  for (char c : {'a', 'b', 'c'}) ASSERT_TRUE(deliver("alice", mail(5000, c)));
  const auto before = uidls();
  between_processes([&] { std::filesystem::resize_file(log_file(), records()[2] + 64); });
  EXPECT_EQ(visit("alice").opened.error(), StoreError::damaged);
  EXPECT_EQ(count(check(), FindingKind::log_cut), 1u);
  EXPECT_TRUE(repair().mended);
  EXPECT_EQ(uidls(), (std::vector{before[0], before[1]}));
  EXPECT_TRUE(check().whole()) << found;
}

TEST_F(RepairTest, DamagedLedgerEntryIsFoundAndTheOthersAreKept) {  // M17, M18
  for (std::uint8_t i = 1; i <= 4; ++i) ASSERT_TRUE(import("alice", mail(10, 'a'), i, "u" + std::to_string(i)));
  ASSERT_TRUE(visit("alice", {0, 1, 2, 3}).closed);  // emptied: the ledger alone remembers
  const std::string ledger = file_of("alice", "imported");
  ASSERT_EQ(std::filesystem::file_size(ledger), 4 * 96u);
  between_processes([&] { flip_octet(ledger, 96 + 20); });
  EXPECT_EQ(first(check(), FindingKind::ledger_damage).octets, 96u);
  EXPECT_TRUE(repair().mended);
  EXPECT_TRUE(check().whole()) << found;
  EXPECT_EQ(std::filesystem::file_size(ledger), 3 * 96u);
  EXPECT_EQ(import("alice", mail(10, 'a'), 1, "u1")->what, Appended::already_there);
  EXPECT_EQ(import("alice", mail(10, 'a'), 2, "u2")->what, Appended::stored);
}

TEST_F(RepairTest, SkipsOfRecoveryAreListedAndAreNoHarm) {  // M7
  ASSERT_TRUE(deliver("alice", mail(100, 'a')));
  const auto end_of_log = std::filesystem::file_size(log_file());
  between_processes([&] {
    write_file(log_file(), read_file(log_file()) + std::string(640, 'z'));
    std::filesystem::remove(file_of("alice", "index"));
  });
  EXPECT_EQ(visit("alice").messages.size(), 1u);
  const CheckReport report = check();
  EXPECT_TRUE(report.whole()) << found;
  EXPECT_EQ(first(report, FindingKind::skip).offset, end_of_log);
  EXPECT_EQ(first(report, FindingKind::skip).octets, 640u);
}

TEST_F(RepairTest, IndexThatSaysOtherwiseIsFoundAndMadeAnew) {  // M3
  for (char c : {'a', 'b'}) ASSERT_TRUE(deliver("alice", mail(100, c)));
  const auto before = uidls();
  between_processes([&] {
    // An index of the right edition with a message that never was; its last entry names the right record.
    const std::string log = read_file(log_file());
    const auto edition = decode_record(octets_of(log))->edition;
    std::string index = encode_index_header(edition);
    for (std::uint64_t offset : records()) {
      const auto record = decode_record(octets_of(log).subspan(offset));
      IndexAdd add;
      add.sequence = record->sequence;
      add.log_offset = offset;
      add.octets = record->octets;
      add.reply_octets = record->payload_octets;
      add.uidl = offset == 0 ? "another" : record->uidl;
      append_index_entry(index, edition, add);
    }
    write_file(file_of("alice", "index"), index);
  });
  EXPECT_EQ(count(check(), FindingKind::index_differs), 1u);
  EXPECT_TRUE(repair().mended);
  EXPECT_EQ(uidls(), before);
  EXPECT_TRUE(check().whole()) << found;
}

TEST_F(RepairTest, CheckNeedsNoLockRepairDoes) {  // M14, M18
  ASSERT_TRUE(deliver("alice", mail(100, 'a')));
  Person person(proactor);
  auto lease = run(maildrops->open("alice", person));
  ASSERT_TRUE(lease);
  EXPECT_TRUE(check().whole()) << found;
  EXPECT_EQ(run(maildrops->repair("alice")).error(), StoreError::in_use);
  EXPECT_TRUE(run(maildrops->close(std::move(*lease), {})));
  EXPECT_TRUE(run(maildrops->repair("alice")));
  EXPECT_EQ(run(maildrops->check("nobody")).error(), StoreError::not_found);
  EXPECT_EQ(run(maildrops->repair("nobody")).error(), StoreError::not_found);
}

TEST_F(RepairTest, NothingFromOutsideMovesTheNumbersOfASession) {  // R022
  for (char c : {'a', 'b', 'c', 'd'}) ASSERT_TRUE(deliver("alice", mail(100, c)));
  Person person(proactor);
  auto lease = run(maildrops->open("alice", person));
  ASSERT_TRUE(lease);
  EXPECT_EQ(run(maildrops->repair("alice")).error(), StoreError::in_use);
  EXPECT_EQ(run(maildrops->compact("alice")).error(), StoreError::in_use);
  ASSERT_TRUE(deliver("alice", mail(100, 'e')));
  auto view = run(maildrops->view(*lease));
  ASSERT_TRUE(view);
  maildrops->release(*view);
  const auto stat = lease->snapshot().octets_in_all();
  std::string log = read_file(log_file());
  log[lease->snapshot().entry({2}).log_offset + 300] = '!';  // somebody scribbles over message 3
  write_file(log_file(), log);
  EXPECT_FALSE(check().whole());
  EXPECT_EQ(lease->snapshot().count(), 4u);
  EXPECT_EQ(lease->snapshot().octets_in_all(), stat);
  const std::vector<Seen> seen = run(read_all(proactor, *maildrops, *lease));
  EXPECT_EQ(seen[3].reply, reply_to(mail(100, 'd')));
  EXPECT_TRUE(run(maildrops->close(std::move(*lease), {{2}}))) << "QUIT succeeds";
  EXPECT_EQ(visit("alice").replies(), (std::vector{reply_to(mail(100, 'a')), reply_to(mail(100, 'b')),
                                                   reply_to(mail(100, 'd')), reply_to(mail(100, 'e'))}));
}

TEST_F(RepairTest, AnyFlippedOctetOfAnyFileNeverHidesAWholeMessageNorCrashes) {  // M7, M18
  for (char c : {'a', 'b', 'c'}) ASSERT_TRUE(import("alice", mail(200, c), static_cast<std::uint8_t>(c), {}));
  ASSERT_TRUE(visit("alice", {1}).closed);
  const std::set<std::string> wanted{reply_to(mail(200, 'a')), reply_to(mail(200, 'c'))};
  end();
  const std::string log = read_file(log_file());
  const std::string index = read_file(file_of("alice", "index"));
  for (std::size_t at = 0; at < log.size() + index.size(); at += 29) {
    const std::string folder = std::filesystem::path(log_file()).parent_path();
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    write_file(log_file(), log);
    write_file(file_of("alice", "index"), index);
    if (at < log.size())
      flip_octet(log_file(), at);
    else
      flip_octet(file_of("alice", "index"), at - log.size());
    begin();
    EXPECT_TRUE(run(maildrops->repair("alice"))) << at;
    const Visit after = visit("alice");
    ASSERT_TRUE(after.opened) << at;
    std::set<std::string> seen;
    for (const Seen& message : after.messages) seen.insert(message.reply);
    EXPECT_FALSE(seen.contains(reply_to(mail(200, 'b')))) << "deleted, at " << at;
    EXPECT_GE(seen.size(), at < log.size() ? 1u : 2u) << at;
    for (const std::string& reply : seen) EXPECT_TRUE(wanted.contains(reply)) << "whole or not at all, at " << at;
    EXPECT_TRUE(check().whole()) << at << ' ' << found;
    end();
  }
  begin();
}

}  // namespace
}  // namespace ringpost::store
