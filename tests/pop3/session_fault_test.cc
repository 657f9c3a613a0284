// Sessions whose disk or kernel misbehaves, in the simulator; and a maildrop that needs a person.
#include <filesystem>
#include <fstream>

#include "house.h"
#include "sim_house.h"

namespace ringpost::pop3 {
namespace {

namespace fs = std::filesystem;

std::string text_of_size(std::size_t octets, char what) {
  std::string text = "Subject: ";
  text.append(1, what).append("\r\n\r\n");
  while (text.size() < octets) text.append(60, what).append("\r\n");
  return text;
}

// P037 P038 E005: nothing counts as deleted, the answer says so, and the lock is free all the same.
TEST(SessionFaults, AQuitWhoseSyncFailsDeletesNothingAndSaysSo) {
  SimHouse house;
  house.deliver("anna", "one\n");
  house.deliver("anna", "two\n");
  auto client = house.connect();
  client->login();
  client->ask("DELE 1");
  house.world().faults().sync_fails = 1;
  EXPECT_EQ(client->ask("QUIT"), "-ERR [SYS/TEMP] some deleted messages not removed");
  EXPECT_EQ(client->line(), "<end>");
  house.world().faults().sync_fails = 0;
  EXPECT_TRUE(house.logged("session", "end=update failed"));
  EXPECT_TRUE(house.logged("session", "deleted=0"));
  auto again = house.connect();
  EXPECT_TRUE(again->login().starts_with("+OK 2"));
}

// E005: an open that cannot read answers [SYS/TEMP], holds no lock (P018, P019), and works later.
TEST(SessionFaults, ALoginWhoseMaildropCannotBeReadNowIsTemporary) {
  HouseSettings settings;
  settings.configuration.store.summary_octets_max = 0;  // nothing stays in memory between sessions
  SimHouse house(settings);
  house.deliver("anna", "one\n");
  house.deliver("berta", "others push it out\n");
  house.world().faults().read_fails = 1;
  auto client = house.connect();
  EXPECT_TRUE(client->login().starts_with("-ERR [SYS/TEMP]"));
  house.world().faults().read_fails = 0;
  client->ask("USER anna");
  EXPECT_TRUE(client->ask("PASS secret").starts_with("+OK 1"));
}

// DESIGN 5: a page that cannot be read costs the answer, not the session, while nothing of it was sent.
TEST(SessionFaults, AMessageThatCannotBeReadNowIsRefusedAndTheSessionGoesOn) {
  for (const std::size_t octets : {100U, 20000U}) {
    SimHouse house;
    house.deliver("anna", text_of_size(octets, 'a'));
    auto client = house.connect();
    client->login();
    client->ask("TOP 1 0");  // the file is open
    client->line();
    client->line();
    client->line();
    house.world().faults().read_fails = 1;
    house.world().faults().evict = 1;
    house.deliver("berta", "x\n");  // a file operation, behind which all that is clean leaves the cache
    EXPECT_EQ(client->ask("RETR 1"), "-ERR [SYS/TEMP] this message cannot be read now") << octets;
    house.world().faults().read_fails = 0;
    EXPECT_TRUE(client->ask("RETR 1").starts_with("+OK ")) << octets;
  }
}

// R069 R074: whatever network and kernel do to the slices, the octets are the same.
TEST(SessionFaults, AnswersAreExactOverNoisyNetworksAndForgetfulCaches) {
  std::string commands = "USER anna\r\nPASS secret\r\n", answers = "+OK ready\r\n+OK now the password\r\n";
  std::vector<std::string> messages;
  std::uint64_t octets_in_all = 0;
  for (const std::size_t octets : {10U, 700U, 4090U, 4200U, 30000U, 200000U}) {
    messages.push_back(text_of_size(octets, static_cast<char>('a' + messages.size())));
    octets_in_all += messages.back().size();
  }
  answers += "+OK " + std::to_string(messages.size()) + " messages (" + std::to_string(octets_in_all) + " octets)\r\n";
  for (int turn = 0; turn < 3; ++turn)
    for (std::size_t at = 0; at < messages.size(); ++at) {
      const std::string number = std::to_string(at + 1);
      commands += "RETR " + number + "\r\nNOOP\r\nTOP " + number + " 5000\r\nLIST " + number + "\r\n";
      const std::string size = std::to_string(messages[at].size());
      answers += "+OK " + size + " octets\r\n" + messages[at] + ".\r\n+OK\r\n+OK\r\n" + messages[at] + ".\r\n+OK " +
                 number + " " + size + "\r\n";
    }
  commands += "DELE 1\r\nDELE 6\r\nQUIT\r\n";
  answers += "+OK marked as deleted\r\n+OK marked as deleted\r\n+OK 2 deleted\r\n";
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimHouse house({}, seed);
    for (const auto& message : messages) house.deliver("anna", message);
    auto& faults = house.world().faults();
    faults.packet_split = 0.3;
    faults.network_latency_mean = std::chrono::milliseconds(seed % 5);
    faults.socket_octets_max = seed % 3 ? 1 << 16 : 2304;
    faults.send_short = 0.2;
    faults.multishot_ends = 0.2;
    faults.late_completion = 0.1;
    faults.read_short = 0.2;
    faults.evict = seed % 2 ? 0.5 : 0;
    faults.lent_buffers = 4;
    auto client = house.connect();
    client->patience = std::chrono::minutes(2);
    client->send(commands);
    std::string heard;
    for (std::string line; heard.size() < answers.size() && !line.starts_with('<'); heard += line + "\r\n")
      line = client->line();
    ASSERT_TRUE(heard == answers) << "seed " << seed << ", " << heard.size() << " of " << answers.size();
  }
}

// E006 M7: what needs a person says so, and takes no lock.
TEST(SessionFaults, AForeignFileInTheMaildropIsForTheAdministrator) {
  HouseSettings settings;
  settings.configuration.store.summary_octets_max = 0;
  House house(settings);
  house.deliver("anna", "one\n");
  house.deliver("berta", "others push it out\n");
  for (const auto& entry : fs::recursive_directory_iterator(house.data()))
    if (entry.path().filename() == "mail" && entry.path().parent_path().filename() == "anna")
      std::ofstream(entry.path(), std::ios::trunc) << "this is no log of ours\n";
  for (int turn = 0; turn < 2; ++turn) {
    Client client(house);
    EXPECT_TRUE(client.login().starts_with("-ERR [SYS/PERM]"));
  }
  Client other(house);
  EXPECT_TRUE(other.login("berta", "pass word ").starts_with("+OK"));
}

}  // namespace
}  // namespace ringpost::pop3
