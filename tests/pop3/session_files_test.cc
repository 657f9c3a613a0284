// Sessions whose maildrop's file is cold, cut, or gone behind their back.
#include <fcntl.h>
#include <filesystem>
#include <random>

#include "house.h"

namespace ringpost::pop3 {
namespace {

namespace fs = std::filesystem;

std::string log_of(House& house) {
  for (const auto& entry : fs::recursive_directory_iterator(house.data()))
    if (entry.path().filename() == "mail") return entry.path();
  return {};
}

std::string text_of_size(std::size_t octets, unsigned seed) {
  std::mt19937 chance(seed);
  std::string text = "Subject: file\r\n\r\n";
  while (text.size() < octets) {
    std::string line(1 + chance() % 70, ' ');
    for (char& c : line) c = static_cast<char>('A' + chance() % 26);
    text += line + "\r\n";
  }
  return text;
}

void drop_from_cache(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY);
  ::fdatasync(file);
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  ::close(file);
}

// DESIGN 5: what is cold comes through the ring, and is the same octets.
TEST(SessionFiles, ColdMessagesOfEverySizeArriveOctetByOctet) {
  House house;
  std::vector<std::string> messages;
  for (std::size_t octets : {100U, 3000U, 4200U, 9000U, 70000U, 900000U}) {
    messages.push_back(text_of_size(octets, static_cast<unsigned>(octets)));
    house.deliver("anna", messages.back());
  }
  for (int turn = 0; turn < 3; ++turn) {
    Client client(house);
    client.login();
    for (std::size_t at = 0; at < messages.size(); ++at) {
      for (const std::string verb : {"RETR ", "TOP "}) {
        drop_from_cache(log_of(house));
        client.say(verb + std::to_string(at + 1) + (verb == "TOP " ? " 99999" : ""));
        ASSERT_TRUE(client.line().starts_with("+OK")) << verb << at;
        EXPECT_TRUE(client.octets(messages[at].size() + 3) == messages[at] + ".\r\n") << verb << at;
      }
    }
  }
  std::uint64_t cold = 0;
  house.on_core([&] { cold = house.sends().octets_cold; });
  RecordProperty("octets_cold", static_cast<int>(cold));
}

class CutFile : public ::testing::TestWithParam<std::uint64_t> {};

// R075: sizes 0, one octet less, half; small messages and large ones; seen before the answer, it is -ERR [SYS/PERM].
TEST_P(CutFile, AMessageThatIsNoLongerThereIsRefusedAndTheOthersAreServed) {
  House house;
  const std::string first = text_of_size(2000, 1);
  house.deliver("anna", first);
  const auto whole_first = fs::file_size(log_of(house));
  house.deliver("anna", text_of_size(GetParam(), 2));
  Client client(house);
  client.login();
  const auto whole = fs::file_size(log_of(house));
  for (const std::uint64_t size : {whole - 65, whole_first + (whole - whole_first) / 2, whole_first + 1, whole_first}) {
    fs::resize_file(log_of(house), size);
    client.say("RETR 2");
    const std::string heard = client.line();
    if (heard.starts_with("+OK")) {
      // Seen too late: the connection ends, and not with the end of an answer.
      std::string rest = client.octets(GetParam() * 2);
      EXPECT_FALSE(rest.ends_with("\r\n.\r\n"));
      EXPECT_TRUE(house.log().has("session", "end=message unreadable"));
      return;
    }
    EXPECT_EQ(heard, "-ERR [SYS/PERM] this message cannot be read") << size;
  }
  EXPECT_EQ(client.ask("TOP 2 0"), "-ERR [SYS/PERM] this message cannot be read");
  EXPECT_EQ(client.ask("RETR 1"), "+OK " + std::to_string(first.size()) + " octets");
  EXPECT_EQ(client.octets(first.size() + 3), first + ".\r\n");
  EXPECT_TRUE(client.ask("LIST 2").starts_with("+OK 2 "));  // R022: the numbers stay
  EXPECT_TRUE(client.ask("QUIT").starts_with("+OK"));
}

INSTANTIATE_TEST_SUITE_P(Sizes, CutFile, ::testing::Values(1000, 20000, 200000));

// R075 with a reader that is slow: the file is cut while the answer is under way.
TEST(SessionFiles, AFileThatIsCutDuringTheAnswerEndsTheConnectionWithoutAnEnd) {
  House house;
  const std::string text = text_of_size(20'000'000, 3);
  house.deliver("anna", text);
  Client client(house);
  client.login();
  client.say("RETR 1");
  client.line();
  const std::string begun = client.octets(100'000);
  EXPECT_TRUE(text.starts_with(begun));
  fs::resize_file(log_of(house), 12'000'000);
  std::string rest = client.octets(text.size());
  EXPECT_LT(begun.size() + rest.size(), text.size());
  EXPECT_FALSE(rest.ends_with("\r\n.\r\n"));
  EXPECT_TRUE(house.log().has("message_cut_short", "account=anna message=1"));
  EXPECT_TRUE(house.all_ended());
}

}  // namespace
}  // namespace ringpost::pop3
