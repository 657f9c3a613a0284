#include "../../src/program/transfer.h"

#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ringpost/store/plain_form.h>

namespace ringpost::program {
namespace {

namespace fs = std::filesystem;

// Keeps messages as the store would: by source id, each UIDL once.
class MemoryMaildrop final : public Appender, public MaildropReader {
 public:
  void submit(const std::string&, std::unique_ptr<Prepared> message) override { waiting.push_back(std::move(message)); }

  std::optional<std::expected<Outcome, std::string>> next() override {
    if (waiting.empty()) return std::nullopt;
    Outcome outcome;
    outcome.message = std::move(waiting.front());
    waiting.pop_front();
    outcome.already_there = !sources.insert(outcome.message->source).second;
    if (outcome.already_there) return outcome;
    outcome.uidl = outcome.message->uidl;
    if (outcome.uidl.empty() || uidls.contains(outcome.uidl)) {
      outcome.uidl_replaced = !outcome.uidl.empty();
      outcome.uidl = "new" + std::to_string(messages.size());
    }
    uidls.insert(outcome.uidl);
    messages.push_back({*outcome.message, outcome.uidl});
    return outcome;
  }
  std::size_t under_way() const override { return waiting.size(); }

  std::expected<std::vector<Listed>, std::string> list(const std::string&) override {
    std::vector<Listed> listed;
    for (auto& [message, uidl] : messages)
      listed.push_back({static_cast<std::uint32_t>(listed.size() + 1), message.octets, uidl, message.received});
    return listed;
  }
  std::expected<void, std::string> read(std::uint32_t number, const std::function<void(Octets)>& piece) override {
    auto octets = octets_of(messages.at(number - 1).first.wire);
    for (; octets.size() > 3; octets = octets.subspan(3)) piece(octets.first(3));
    piece(octets);
    return {};
  }

  std::vector<std::string> wires() const {
    std::vector<std::string> all;
    for (auto& [message, uidl] : messages) all.push_back(message.wire);
    return all;
  }

  std::deque<std::unique_ptr<Prepared>> waiting;
  std::set<store::SourceId> sources;
  std::set<std::string> uidls;
  std::vector<std::pair<Prepared, std::string>> messages;
};

struct Silent final : Progress {
  void begins(std::uint64_t) override {}
  void done(std::uint64_t, std::uint64_t) override {}
};

class TransferTest : public ::testing::Test {
 protected:
  TransferTest() {
    std::string pattern = fs::temp_directory_path() / "ringpost-transfer-XXXXXX";
    root = ::mkdtemp(pattern.data());
    options.account = "alice";
  }
  ~TransferTest() override { fs::remove_all(root); }

  void put(const fs::path& file, std::string_view content) {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file, std::ios::binary) << content;
  }
  ImportReport maildir(const fs::path& at) {
    options.path = root / at;
    auto report = import_maildir(options, drop, silent);
    EXPECT_TRUE(report) << report.error();
    return report ? *report : ImportReport{};
  }

  fs::path root;
  ImportOptions options;
  MemoryMaildrop drop;
  Silent silent;
};

// R066
TEST_F(TransferTest, OddNamesAreTakenOnceAndWhatIsNoMailIsSkippedAndNamed) {
  put("a:b/cur/x;2,S", "1\n");
  put("a:b/cur/y!2,S", "2\n");
  put("a:b/cur/z:2,ST", "3\n");
  put("a:b/cur/.hidden", "no\n");
  put("a:b/cur/folder/file", "no\n");
  put("a:b/new/n", "4\n");
  put("a:b/new/z", "the same mail, seen while it was moved\n");
  put("a:b/tmp/t", "no\n");
  put("secret", "no\n");
  fs::create_symlink(root / "secret", root / "a:b/cur/link");
  auto report = maildir("a:b");
  EXPECT_EQ(report.added, 4u);
  EXPECT_EQ(report.skipped, 4u);
  EXPECT_EQ(report.failed, 0u);
  EXPECT_EQ(drop.wires(), (std::vector<std::string>{"4\r\n", "1\r\n", "2\r\n", "3\r\n"}));
}

// R066: who owns a Maildir must not get another one's mail because root imports it.
TEST_F(TransferTest, ASubfolderThatIsASymbolicLinkIsNotFollowed) {
  put("mallory/cur/1.own", "own\n");
  put("victim/cur/2.secret", "secret\n");
  put("victim/new/.keep", "");
  fs::create_directory_symlink(root / "victim/cur", root / "mallory/new");
  options.path = root / "mallory";
  auto report = import_maildir(options, drop, silent);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().find("symbolic link"), std::string::npos) << report.error();
  EXPECT_TRUE(drop.messages.empty());
}

TEST_F(TransferTest, AMaildirThatIsNamedThroughASymbolicLinkIsTheAdministratorsWord) {
  put("m/cur/1.a", "a\n");
  put("m/new/.keep", "");
  fs::create_directory_symlink(root / "m", root / "link");
  EXPECT_EQ(maildir("link").added, 1u);
}

TEST_F(TransferTest, TrashedMailIsLeftOutOnlyWhenAskedFor) {
  put("m/cur/z:2,ST", "3\n");
  put("m/new/.keep", "");
  options.skip_trashed = true;
  auto report = maildir("m");
  EXPECT_EQ(report.added, 0u);
  EXPECT_EQ(report.skipped, 2u);
}

// M17
TEST_F(TransferTest, SecondImportAddsNothingTwiceAlsoAfterFlagsChanged) {
  put("m/new/1.a", "one\n");
  put("m/cur/2.b:2,", "two\n");
  EXPECT_EQ(maildir("m").added, 2u);
  fs::rename(root / "m/new/1.a", root / "m/cur/1.a:2,S");
  put("m/new/3.c", "two\n");  // the same text, but another mail
  auto report = maildir("m");
  EXPECT_EQ(report.added, 1u);
  EXPECT_EQ(report.already_there, 2u);
}

// R013
TEST_F(TransferTest, DovecotsUidlsAndOrderAreTakenOverAndWhatIsNotKnownIsCounted) {
  put("m/cur/1.late:2,S", "late\n");
  put("m/cur/9.early:2,", "early\n");
  put("m/new/5.unknown", "unknown\n");
  put("m/cur/6.bad:2,", "bad\n");
  put("m/dovecot-uidlist", "3 V16 N9 G00\n1 :9.early:2,\n2 :1.late\n3 P" + std::string(71, 'x') + " :6.bad\n");
  options.keep_uidl = true;
  auto report = maildir("m");
  EXPECT_EQ(report.added, 4u);
  EXPECT_EQ(report.uidl_kept, 2u);
  EXPECT_EQ(report.uidl_unknown, 1u);
  EXPECT_EQ(report.uidl_replaced, 1u);
  EXPECT_EQ(drop.messages[0].second, "0000000100000010");
  EXPECT_EQ(drop.wires()[0], "early\r\n");
  EXPECT_EQ(drop.wires()[1], "late\r\n");
  EXPECT_EQ(drop.wires()[3], "unknown\r\n");
}

TEST_F(TransferTest, KeepUidlWithoutAnyListIsRefusedBeforeAnythingIsAdded) {
  put("m/cur/1.a:2,S", "a\n");
  put("m/new/.keep", "");
  options.keep_uidl = true;
  options.path = root / "m";
  EXPECT_FALSE(import_maildir(options, drop, silent));
  EXPECT_TRUE(drop.messages.empty());
}

TEST_F(TransferTest, DryRunReportsAndAddsNothing) {
  put("m/cur/1.a:2,S", "a\n");
  put("m/new/2.b", "b\n");
  put("m/courierpop3dsizelist", "/2 7 1200000000\n1.a:2,S 512 3:1200000000\n");
  options.keep_uidl = true;
  options.dry_run = true;
  auto report = maildir("m");
  EXPECT_EQ(report.found, 2u);
  EXPECT_EQ(report.uidl_kept, 1u);
  EXPECT_EQ(report.uidl_unknown, 1u);
  EXPECT_TRUE(drop.messages.empty());
}

TEST_F(TransferTest, CyrusSpoolGivesItsUidlsAndLeavesOutWhatIsExpunged) {
  std::string index(128 + 3 * 104, '\0');
  auto put_32 = [&](std::size_t at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) index[at + i] = static_cast<char>(value >> (24 - 8 * i));
  };
  put_32(8, 13), put_32(12, 128), put_32(16, 104), put_32(20, 3), put_32(44, 1234), put_32(60, 1);
  put_32(128, 2), put_32(128 + 104, 10), put_32(128 + 208, 11), put_32(128 + 208 + 32, 1u << 31);
  put_32(128 + 4, 99);
  put("c/cyrus.index", index);
  put("c/cyrus.cache", "no mail");
  put("c/10.", "ten\r\n");
  put("c/2.", "two\r\n");
  put("c/11.", "expunged\r\n");
  options.keep_uidl = true;
  auto report = maildir("c");
  EXPECT_EQ(report.added, 2u);
  EXPECT_EQ(report.skipped, 1u);
  EXPECT_EQ(drop.messages[0].second, "1234.2");
  EXPECT_EQ(drop.messages[0].first.received.microseconds, 99'000'000);
  EXPECT_EQ(drop.wires(), (std::vector<std::string>{"two\r\n", "ten\r\n"}));
}

TEST_F(TransferTest, TrulyEqualMailsOfAnMboxStayTwoAndASecondImportAddsNothing) {
  std::string one = "From a@b Thu Jan  1 00:00:10 1970\nX-UIDL: abc\n\nbody\n\n";
  put("box", one + one + "From a@b Thu Jan  1 00:00:10 1970\nSubject: x\n\n.dot\n");
  options.path = root / "box";
  auto first = import_mbox(options, drop, silent);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->added, 3u);
  EXPECT_EQ(drop.wires()[2], "Subject: x\r\n\r\n..dot\r\n");
  auto second = import_mbox(options, drop, silent);
  EXPECT_EQ(second->added, 0u);
  EXPECT_EQ(second->already_there, 3u);
}

TEST_F(TransferTest, MboxKeepsXUidlAndLeavesOutAMailProgramsOwnData) {
  put("box",
      "From MAILER-DAEMON Thu Jan  1 00:00:10 1970\nX-IMAP: 1 2\n\nnot a mail\n\n"
      "From a@b Thu Jan  1 00:00:20 1970\nx-uidl:  abc\n\nbody\n");
  options.path = root / "box";
  options.keep_uidl = true;
  auto report = import_mbox(options, drop, silent);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->skipped, 1u);
  ASSERT_EQ(drop.messages.size(), 1u);
  EXPECT_EQ(drop.messages[0].second, "abc");
  EXPECT_EQ(drop.messages[0].first.received.microseconds, 20'000'000);
}

TEST_F(TransferTest, ExportedMaildirImportsAsTheSameMailWithTheSameUidls) {
  put("m/cur/1.a:2,S", ".dot\n\nbare\rcr\n..two\nlast without end");
  put("m/new/2.b", "");
  maildir("m");
  ExportOptions out{.account = "alice", .path = root / "out", .crlf = false};
  auto exported = export_maildir(out, drop, silent);
  ASSERT_TRUE(exported) << exported.error();
  EXPECT_EQ(exported->written, 2u);
  EXPECT_EQ(export_maildir(out, drop, silent)->already_there, 2u);

  MemoryMaildrop again;
  options.path = root / "out";
  options.keep_uidl = true;
  auto report = import_maildir(options, again, silent);
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->uidl_kept, 2u);
  EXPECT_EQ(again.wires(), drop.wires());
  EXPECT_EQ(again.uidls, drop.uidls);
  EXPECT_EQ(again.messages[0].first.received, drop.messages[0].first.received);
}

// A5: a later export adds mail, and an older list of UIDLs that does not know it must not pass for whole.
TEST_F(TransferTest, ASecondExportTellsWhichUidlsTheListThatIsThereLacks) {
  put("m/new/1.a", "one\n");
  put("m/cur/.keep", "");
  maildir("m");
  ExportOptions out{.account = "alice", .path = root / "out", .crlf = false};
  EXPECT_TRUE(export_maildir(out, drop, silent)->notes.empty());
  EXPECT_TRUE(export_maildir(out, drop, silent)->notes.empty());
  put("m/new/2.b", "two\n");
  maildir("m");
  auto later = export_maildir(out, drop, silent);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->written, 1u);
  ASSERT_EQ(later->notes.size(), 1u);
  EXPECT_NE(later->notes[0].find("lacks the UIDLs of 1 messages"), std::string::npos) << later->notes[0];
}

// A full disk: nothing is left that passes for whole, and the next attempt is not barred.
TEST_F(TransferTest, AnExportThatCannotBeWrittenLeavesNothingHalf) {
  put("m/new/1.a", std::string(100'000, 'x') + "\n");
  put("m/cur/.keep", "");
  maildir("m");
  ExportOptions mbox{.account = "alice", .path = root / "box", .crlf = false};
  ExportOptions folder{.account = "alice", .path = root / "out", .crlf = false};
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = 20;  // less than the list of UIDLs, too
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  auto boxed = export_mbox(mbox, drop, silent);
  auto exported = export_maildir(folder, drop, silent);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(boxed);
  EXPECT_FALSE(fs::exists(root / "box"));
  ASSERT_TRUE(exported);
  EXPECT_EQ(exported->failed, 1u);
  EXPECT_TRUE(fs::is_empty(root / "out/tmp"));
  EXPECT_FALSE(fs::exists(root / "out/dovecot-uidlist"));
  ASSERT_TRUE(export_mbox(mbox, drop, silent));
  EXPECT_TRUE(export_maildir(folder, drop, silent)->notes.empty());
}

TEST_F(TransferTest, ExportedMboxImportsAsTheSameMail) {
  put("m/cur/1.a:2,S", "A: b\n\nFrom x\n>From y\n>>From z\n>>>\n\n");
  put("m/cur/2.b:2,S", "A: c\n\nFrom a@b Thu Jan  1 00:00:10 1970\nlast");
  put("m/new/3.c", "A: d\n\n");
  maildir("m");
  ExportOptions out{.account = "alice", .path = root / "box", .crlf = false};
  ASSERT_TRUE(export_mbox(out, drop, silent));
  EXPECT_FALSE(export_mbox(out, drop, silent));  // never over a file that is there
  MemoryMaildrop again;
  options.path = root / "box";
  ASSERT_TRUE(import_mbox(options, again, silent));
  EXPECT_EQ(again.wires(), drop.wires());
}

}  // namespace
}  // namespace ringpost::program
