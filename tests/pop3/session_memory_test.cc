// What an idle logged-in session costs in user memory (DESIGN 3: at most 4 KiB; the maildrop's summary is apart).
#include <malloc.h>

#include "house.h"

namespace ringpost::pop3 {
namespace {

std::size_t octets_in_use() {
  return mallinfo2().uordblks;
}

std::size_t octets_of_sessions(House& house, std::vector<std::unique_ptr<Client>>& clients, int count, bool logged_in) {
  const std::size_t before = octets_in_use();
  const auto first = clients.size();
  for (int at = 0; at < count; ++at) {
    clients.push_back(std::make_unique<Client>(house));
    Client& client = *clients.back();
    client.line();
    if (!logged_in) continue;
    client.ask("USER u" + std::to_string(first + static_cast<std::size_t>(at)));
    EXPECT_TRUE(client.ask("PASS p").starts_with("+OK"));
    client.ask("STAT");
  }
  const std::size_t of_clients = (sizeof(Client) + 32) * static_cast<std::size_t>(count);
  return octets_in_use() - before - of_clients;
}

TEST(SessionMemory, AnIdleSessionStaysWithinItsBound) {
  HouseSettings settings;
  settings.accounts.clear();
  for (int at = 0; at < 400; ++at) settings.accounts += "u" + std::to_string(at) + ":{PLAIN}p\n";
  House house(settings);
  std::vector<std::unique_ptr<Client>> clients;
  octets_of_sessions(house, clients, 100, true);  // tables have grown
  const std::size_t logged_in = octets_of_sessions(house, clients, 200, true) / 200;
  const std::size_t strangers = octets_of_sessions(house, clients, 100, false) / 100;
  RecordProperty("octets_logged_in", static_cast<int>(logged_in));
  RecordProperty("octets_before_login", static_cast<int>(strangers));
  EXPECT_LE(strangers, 4096U);
  EXPECT_LE(logged_in, 4096U);
}

}  // namespace
}  // namespace ringpost::pop3
