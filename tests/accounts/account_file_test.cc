#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ringpost/accounts/account_file.h>
#include <ringpost/accounts/account_name.h>

namespace ringpost::accounts {
namespace {

std::string error_of(std::string_view text) {
  auto file = AccountFile::parse(text, "users", true);
  return file ? "" : file.error();
}

TEST(AccountFile, ReadsNamesSecretsCommentsAndDovecotsFurtherFields) {
  auto file = AccountFile::parse(
      "# made by hand\n"
      "\n"
      "Anna:{PLAIN}a b \r\n"
      "berta@example.test:{PLAIN}x:1000:1000::/home/b:/bin/sh:userdb_mail=maildir:~/Mail\n"
      "  # indented\n"
      "carl:{PLAIN}x::::::nologin=y nodelay\n"
      "dora:!{PLAIN}x\n"
      "emil:",
      "users", true);
  ASSERT_FALSE(file);  // emil has an empty secret
  EXPECT_TRUE(file.error().starts_with("users:8: an empty secret")) << file.error();

  file = AccountFile::parse("Anna:{PLAIN}a b \r\ncarl:{PLAIN}x::::::nologin=y nodelay\ndora:!{PLAIN}x\nemil:*", "users",
                            true);
  ASSERT_TRUE(file) << file.error();
  EXPECT_EQ((*file)->accounts().size(), 4U);
  ASSERT_TRUE((*file)->find("aNNa"));
  EXPECT_EQ((*file)->find("anna")->secret, "{PLAIN}a b ");
  EXPECT_EQ((*file)->find("anna")->name, "anna");
  EXPECT_FALSE((*file)->find("anna")->disabled);
  EXPECT_TRUE((*file)->find("carl")->disabled);
  EXPECT_TRUE((*file)->find("dora")->disabled);
  EXPECT_TRUE((*file)->find("emil")->disabled);
  EXPECT_FALSE((*file)->find("berta"));
}

TEST(AccountFile, WithoutFoldingNamesThatDifferInCaseAreTwo) {
  auto file = AccountFile::parse("Anna:{PLAIN}1\nanna:{PLAIN}2\n", "users", false);
  ASSERT_TRUE(file) << file.error();
  EXPECT_EQ((*file)->find("Anna")->secret, "{PLAIN}1");
  EXPECT_EQ((*file)->find("anna")->secret, "{PLAIN}2");
  EXPECT_FALSE((*file)->find("ANNA"));
}

TEST(AccountFile, ErrorsNameFileAndLineAndNeverTheSecret) {
  EXPECT_EQ(error_of("a:{PLAIN}x\nA:{PLAIN}y\n"), "users:2: 'a' stands in line 1 already");
  EXPECT_TRUE(error_of("a:{PLAIN}x\nlone\n").starts_with("users:2: no colon")) << error_of("a:{PLAIN}x\nlone\n");
  for (const char* secret : {"{FOO}hunter2", "hunter2", "{SSHA}hunter2", "{ARGON2ID}hunter2", "{CRYPT}hunter2"}) {
    const std::string error = error_of(std::string("a:") + secret + "\n");
    EXPECT_TRUE(error.starts_with("users:1: the secret of 'a' is ")) << error;
    EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
  }
}

TEST(AccountFile, AVersionChangesWithTheSecretAndOnlyWithIt) {
  auto first = AccountFile::parse("a:{PLAIN}1\nb:{PLAIN}2\n", "users", true);
  auto second = AccountFile::parse("# moved\nb:{PLAIN}3\na:{PLAIN}1\n", "users", true);
  ASSERT_TRUE(first && second);
  EXPECT_EQ((*first)->find("a")->version, (*second)->find("a")->version);
  EXPECT_NE((*first)->find("b")->version, (*second)->find("b")->version);
}

TEST(AccountName, LongForeignAndEmptyNamesAreRefused) {
  EXPECT_EQ(fault_of_name("anna"), nullptr);
  EXPECT_EQ(fault_of_name("anna+lists@example.test"), nullptr);
  EXPECT_EQ(fault_of_name("mailbox name"), nullptr);
  EXPECT_EQ(fault_of_name("j\xc3\xbcrgen"), nullptr);
  EXPECT_EQ(fault_of_name("../../etc"), nullptr);  // the store encodes what leads out of its folder
  EXPECT_EQ(fault_of_name(std::string(200, 'a')), nullptr);
  EXPECT_NE(fault_of_name(std::string(201, 'a')), nullptr);
  EXPECT_EQ(fault_of_name(std::string(66, '/')), nullptr);
  EXPECT_NE(fault_of_name(std::string(67, '/')), nullptr);
  EXPECT_NE(fault_of_name(""), nullptr);
  EXPECT_NE(fault_of_name("a:b"), nullptr);
  EXPECT_NE(fault_of_name(std::string_view("a\0b", 3)), nullptr);
  EXPECT_NE(fault_of_name("a\x7f"), nullptr);
}

TEST(AccountEdit, KeepsCommentsOrderLineEndsAndFurtherFields) {
  constexpr std::string_view text = "# head\nanna:{PLAIN}1:x:y\r\n\nberta:{PLAIN}2";
  EXPECT_EQ(edited(text, true, Edit::change, "Anna", "{PLAIN}9"), "# head\nanna:{PLAIN}9:x:y\r\n\nberta:{PLAIN}2");
  EXPECT_EQ(edited(text, true, Edit::remove, "anna", ""), "# head\n\nberta:{PLAIN}2");
  EXPECT_EQ(edited(text, true, Edit::add, "Carl", "{PLAIN}3"),
            "# head\nanna:{PLAIN}1:x:y\r\n\nberta:{PLAIN}2\ncarl:{PLAIN}3\n");
  EXPECT_EQ(edited("", true, Edit::add, "carl", "{PLAIN}3"), "carl:{PLAIN}3\n");
}

TEST(AccountEdit, RefusesWhatIsThereAlreadyAndWhatIsNot) {
  EXPECT_EQ(edited("anna:{PLAIN}1\n", true, Edit::add, "ANNA", "{PLAIN}2").error(), "'anna' is there already");
  EXPECT_EQ(edited("anna:{PLAIN}1\n", true, Edit::change, "berta", "{PLAIN}2").error(), "there is no 'berta'");
  EXPECT_EQ(edited("#berta:x\n", true, Edit::remove, "berta", "").error(), "there is no 'berta'");
  EXPECT_FALSE(edited("", true, Edit::add, "a:b", "{PLAIN}2"));
  EXPECT_FALSE(edited("", true, Edit::add, "a\nb", "{PLAIN}2"));
}

TEST(AccountEdit, RefusesANameThatTheFileTakesForAComment) {
  for (const char* name : {"#anna", " #anna", "\t#", "   "})
    EXPECT_FALSE(edited("", true, Edit::add, name, "{PLAIN}2")) << name;
  EXPECT_EQ(edited("", true, Edit::add, "anna#1", "{PLAIN}2"), "anna#1:{PLAIN}2\n");
}

class AccountFileOnDisk : public ::testing::Test {
 protected:
  AccountFileOnDisk() {
    char folder[] = "/tmp/ringpost-accounts-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = folder_ + "/users";
  }
  ~AccountFileOnDisk() override { (void)!system(("rm -rf " + folder_).c_str()); }
  std::string text() {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string folder_, path_;
};

TEST_F(AccountFileOnDisk, AnEditIsWholeReadableByNobodyElseAndChangesTheStamp) {
  ASSERT_TRUE(blocking_edit(path_, true, Edit::add, "anna", "{PLAIN}1"));
  const FileStamp before = AccountFile::blocking_stamp(path_);
  auto loaded = AccountFile::blocking_load(path_, true);
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ((*loaded)->stamp(), before);
  ASSERT_TRUE(blocking_edit(path_, true, Edit::change, "anna", "{PLAIN}2"));
  EXPECT_EQ(text(), "anna:{PLAIN}2\n");
  EXPECT_NE(AccountFile::blocking_stamp(path_), before);
  struct stat info{};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  struct stat beside{};
  EXPECT_NE(stat((path_ + ".new").c_str(), &beside), 0);
}

TEST_F(AccountFileOnDisk, ARefusedEditLeavesTheFileAsItWas) {
  ASSERT_TRUE(blocking_edit(path_, true, Edit::add, "anna", "{PLAIN}1"));
  const FileStamp before = AccountFile::blocking_stamp(path_);
  auto refused = blocking_edit(path_, true, Edit::add, "anna", "{PLAIN}2");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), path_ + ": 'anna' is there already");
  EXPECT_EQ(AccountFile::blocking_stamp(path_), before);
}

TEST_F(AccountFileOnDisk, AnEditThroughASymbolicLinkChangesTheFileAndLeavesTheLink) {
  const std::string file = folder_ + "/elsewhere";
  std::ofstream(file) << "anna:{PLAIN}1\n";
  ASSERT_EQ(symlink("elsewhere", path_.c_str()), 0);
  ASSERT_TRUE(blocking_edit(path_, true, Edit::add, "berta", "{PLAIN}2"));
  struct stat info{};
  ASSERT_EQ(lstat(path_.c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  EXPECT_EQ(text(), "anna:{PLAIN}1\nberta:{PLAIN}2\n");
  ASSERT_EQ(lstat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 29);
}

TEST_F(AccountFileOnDisk, AMissingFileIsAnErrorThatNamesIt) {
  auto loaded = AccountFile::blocking_load(path_, true);
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(loaded.error().starts_with(path_ + ": cannot be opened")) << loaded.error();
  EXPECT_FALSE(blocking_edit(path_, true, Edit::remove, "anna", ""));
  struct stat info{};
  EXPECT_NE(stat(path_.c_str(), &info), 0);  // a refused removal makes no file
}

}  // namespace
}  // namespace ringpost::accounts
