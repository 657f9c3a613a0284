// What takes time, volume or a broken line, and so does not fit into a dialogue file.
#include <numeric>
#include <random>
#include <sys/ioctl.h>

#include "house.h"

namespace ringpost::pop3 {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

milliseconds since(steady_clock::time_point begun) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun);
}

void pause(milliseconds time) {
  std::this_thread::sleep_for(time);
}

std::string lines_of(std::size_t octets, unsigned seed) {
  std::mt19937 chance(seed);
  std::string text = "Subject: much\r\n\r\n";
  while (text.size() < octets) {
    std::string line(1 + chance() % 76, 'a');
    for (char& c : line) c = static_cast<char>('a' + chance() % 26);
    if (chance() % 7 == 0) line[0] = '.';
    text += line + "\r\n";
  }
  return text;
}

// As RETR sends it.
std::string stuffed(const std::string& text) {
  std::string wire = text.starts_with('.') ? "." : "";
  for (std::size_t at = 0; at < text.size(); ++at) {
    wire += text[at];
    if (text[at] == '\n' && at + 1 < text.size() && text[at + 1] == '.') wire += '.';
  }
  return wire;
}

// --- Time ------------------------------------------------------------------------------------------------------------

// P013 P036
TEST(Session, TheIdleTimeOutClosesWithoutAnAnswerAndDeletesNothing) {
  HouseSettings settings;
  settings.server().idle_timeout = milliseconds(300);
  House house(settings);
  house.deliver("anna", "x\n");
  Client client(house);
  ASSERT_EQ(client.login(), "+OK 1 messages (3 octets)");
  ASSERT_EQ(client.ask("DELE 1"), "+OK marked as deleted");
  const auto begun = steady_clock::now();
  EXPECT_EQ(client.line(), "<end>");
  EXPECT_GE(since(begun), milliseconds(290));
  EXPECT_TRUE(house.log().has("session", "end=idle time-out"));
  Client again(house);
  EXPECT_EQ(again.login(), "+OK 1 messages (3 octets)");
}

// P012 R026
TEST(Session, EveryCommandRestartsTheIdleClockAndOctetsThatAreNoneDoNot) {
  HouseSettings settings;
  settings.server().idle_timeout = milliseconds(400);
  House house(settings);
  Client busy(house);
  busy.login();
  for (int turn = 0; turn < 8; ++turn) {
    pause(milliseconds(150));
    ASSERT_EQ(busy.ask("NOOP"), "+OK") << turn;
  }
  Client slow(house);
  slow.login("berta", "pass word ");
  const auto begun = steady_clock::now();
  for (int turn = 0; turn < 30 && since(begun) < milliseconds(1500); ++turn) {
    slow.send("N");
    pause(milliseconds(50));
  }
  EXPECT_TRUE(slow.at_end());
  EXPECT_TRUE(house.log().has("session", "account=berta"));
}

// P014
TEST(Session, TheLoginTimeOutCountsFromTheBeginningWhateverIsSaid) {
  HouseSettings settings;
  settings.server().login_timeout = milliseconds(500);
  House house(settings);
  Client client(house);
  client.line();
  const auto begun = steady_clock::now();
  std::string heard;
  for (int turn = 0; turn < 20 && !heard.starts_with('<'); ++turn) {
    pause(milliseconds(60));
    heard = client.ask("USER anna");
  }
  EXPECT_TRUE(heard == "<end>" || heard == "<reset>") << heard;
  EXPECT_LT(since(begun), milliseconds(1500));
  EXPECT_TRUE(house.log().has("session", "end=login time-out"));
}

TEST(Session, TimeThatWeNeedForARefusalIsNotTheClients) {
  HouseSettings settings;
  settings.server().login_timeout = milliseconds(400);
  settings.configuration.accounts.failure_grid = milliseconds(300);
  House house(settings);
  Client client(house);
  client.login("anna", "wrong");
  client.ask("USER anna");
  EXPECT_TRUE(client.ask("PASS wrong again").starts_with("-ERR [AUTH]"));
  client.ask("USER anna");
  EXPECT_TRUE(client.ask("PASS secret").starts_with("+OK"));
}

// P046, E003: as long, and the same octets.
TEST(Session, AWrongPasswordAndAnUnknownNameLookAlike) {
  HouseSettings settings;
  settings.configuration.accounts.failure_grid = milliseconds(200);
  House house(settings);
  for (const char* name : {"anna", "nobody"}) {
    Client client(house);
    client.line();
    client.ask(std::string("USER ") + name);
    const auto begun = steady_clock::now();
    EXPECT_EQ(client.ask("PASS wrong"), "-ERR [AUTH] wrong name or password");
    EXPECT_GE(since(begun), milliseconds(195));
    EXPECT_LT(since(begun), milliseconds(390));
  }
}

// --- Endings ---------------------------------------------------------------------------------------------------------

// B6 P036
TEST(Session, AKickedSessionEndsWithoutUpdate) {
  House house;
  house.deliver("anna", "x\n");
  Client client(house);
  client.login();
  client.ask("DELE 1");
  house.on_core([&] { EXPECT_EQ(house.sessions().kick_account("anna"), 1U); });
  EXPECT_TRUE(client.at_end());
  EXPECT_TRUE(house.log().has("session", "end=kicked"));
  Client again(house);
  EXPECT_EQ(again.login(), "+OK 1 messages (3 octets)");
}

TEST(Session, TheListTellsWhoIsThere) {
  House house;
  house.deliver("anna", "x\n");
  Client anna(house);
  anna.login();
  anna.ask("DELE 1");
  Client stranger(house);
  stranger.line();
  std::vector<SessionFacts> facts;
  house.on_core(
      [&] { house.sessions().for_each([&](const ListedSession& session) { facts.push_back(session.facts()); }); });
  ASSERT_EQ(facts.size(), 2U);
  EXPECT_EQ(facts[1].account, "anna");
  EXPECT_EQ(facts[1].phase, Phase::transaction);
  EXPECT_EQ(facts[1].marked, 1U);
  EXPECT_TRUE(facts[1].client.starts_with("127.0.0.1:"));
  EXPECT_EQ(facts[0].account, "");
}

// R024: the client is gone before its password was checked.
TEST(Session, AClientThatLeavesDuringItsPasswordCheckLeavesNothingBehind) {
  House house;
  std::mt19937 chance(24);
  for (int turn = 0; turn < 300; ++turn) {
    Client client(house);
    client.send(turn % 3 == 0 ? "USER nobody\r\nPASS secret\r\n" : "USER anna\r\nPASS secret\r\n");
    if (chance() % 2) pause(milliseconds(chance() % 2));
    if (turn % 2)
      client.reset();
    else
      client.finish();
  }
  EXPECT_TRUE(house.all_ended());
  EXPECT_TRUE(house.log().has("session", "end=login abandoned"));
  Client client(house);
  EXPECT_TRUE(client.login().starts_with("+OK"));
}

TEST(Session, FiftyClientsOfOneAccountGetItOneAtATime) {
  House house;
  std::vector<std::unique_ptr<Client>> clients;
  for (int at = 0; at < 50; ++at) {
    clients.push_back(std::make_unique<Client>(house));
    clients.back()->send("USER anna\r\nPASS secret\r\n");
  }
  int inside = 0;
  for (auto& client : clients) {
    client->line();
    client->line();
    const std::string heard = client->line();
    if (heard.starts_with("+OK")) {
      ++inside;
    } else {
      EXPECT_TRUE(heard.starts_with("-ERR [IN-USE]")) << heard;
    }
  }
  EXPECT_EQ(inside, 1);
}

// --- Volume ----------------------------------------------------------------------------------------------------------

// X022: the client sends everything before it reads anything.
TEST(Session, TenThousandPipelinedCommandsAreAnsweredInOrder) {
  House house;
  house.deliver("anna", "Subject: x\n\nbody\n");
  Client client(house);
  client.login();
  std::string commands, answers;
  for (int at = 0; at < 10000; ++at) {
    if (at % 3 == 0) commands += "NOOP\r\n", answers += "+OK\r\n";
    if (at % 3 == 1) commands += "LIST 1\r\n", answers += "+OK 1 20\r\n";
    if (at % 3 == 2) commands += "RETR 1\r\n", answers += "+OK 20 octets\r\nSubject: x\r\n\r\nbody\r\n.\r\n";
  }
  std::thread sender([&] { client.send(commands); });
  EXPECT_EQ(client.octets(answers.size()), answers);
  sender.join();
}

// P028 P030 A11: small ones gathered, large ones by sendfile, TOP of the same; the edges of every buffer.
TEST(Session, MessagesOfEverySizeArriveOctetByOctet) {
  House house;
  std::vector<std::string> messages;
  for (std::size_t octets : {1U, 500U, 3900U, 4000U, 4050U, 4096U, 4200U, 8000U, 8192U, 16300U, 16384U, 16500U, 65536U,
                             262144U, 300000U, 3000000U}) {
    messages.push_back(lines_of(octets, static_cast<unsigned>(octets)));
    house.deliver("anna", messages.back());
  }
  Client client(house);
  client.login();
  std::vector<std::size_t> order(messages.size() * 2);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(7));
  std::string commands;
  for (std::size_t at : order)
    commands += (at % 2 ? "RETR " : "TOP ") + std::to_string(at / 2 + 1) + (at % 2 ? "\r\n" : " 999999\r\n");
  client.send(commands);
  for (std::size_t at : order) {
    const std::string& text = messages[at / 2];
    EXPECT_EQ(client.line(), at % 2 ? "+OK " + std::to_string(text.size()) + " octets" : "+OK");
    const std::string wire = stuffed(text) + ".\r\n";
    EXPECT_TRUE(client.octets(wire.size()) == wire) << at << " of " << text.size();
  }
  EXPECT_EQ(client.ask("NOOP"), "+OK");
  std::uint64_t by_sendfile = 0, gathered = 0;
  house.on_core([&] {
    by_sendfile = house.sends().octets_by_sendfile;
    gathered = house.sends().octets_gathered;
  });
  EXPECT_GT(by_sendfile, 3'000'000U);
  EXPECT_GT(gathered, 3'000'000U);  // the TOPs
}

// P022 P026 P042: a listing of many buffers.
TEST(Session, ListingsOfThousandsOfMessagesAreWhole) {
  House house;
  constexpr int count = 800;
  for (int at = 0; at < count; ++at) house.deliver("anna", std::string(static_cast<std::size_t>(at), 'x'));
  Client client(house);
  client.login();
  client.say("DELE 7");
  client.line();
  client.send("LIST\r\nUIDL\r\nSTAT\r\n");
  EXPECT_TRUE(client.line().starts_with("+OK 799 messages"));
  std::uint64_t sum = 0;
  for (int at = 1; at <= count; ++at) {
    if (at == 7) continue;
    const std::size_t octets = at == 1 ? 0 : static_cast<std::size_t>(at + 1);
    ASSERT_EQ(client.line(), std::to_string(at) + " " + std::to_string(octets));
    sum += octets;
  }
  EXPECT_EQ(client.line(), ".");
  EXPECT_TRUE(client.line().starts_with("+OK"));
  for (int at = 1; at <= count; ++at)
    if (at != 7) {
      ASSERT_TRUE(client.line().starts_with(std::to_string(at) + " "));
    }
  EXPECT_EQ(client.line(), ".");
  EXPECT_EQ(client.line(), "+OK 799 " + std::to_string(sum));
}

// --- M6 --------------------------------------------------------------------------------------------------------------

TEST(Session, QuitDeletesNothingWhileTheMailHasNotArrived) {
  HouseSettings settings;
  settings.configuration.store.acknowledge_wait = milliseconds(400);
  House house(settings);
  const std::string text = lines_of(30'000'000, 6);
  house.deliver("anna", text);
  {
    Client client(house);
    client.login();
    client.send("RETR 1\r\nDELE 1\r\nQUIT\r\n");
    pause(milliseconds(1500));
    client.reset();
    EXPECT_TRUE(house.log().has("session", "deleted=0"));
  }
  // Small enough to lie in the socket's buffers whole, and never taken off them.
  house.deliver("berta", lines_of(1'500'000, 7));
  {
    Client client(house);
    const int small = 4096;
    ::setsockopt(client.socket(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    client.login("berta", "pass word ");
    client.send("RETR 1\r\nDELE 1\r\nQUIT\r\n");
    pause(milliseconds(1500));
    EXPECT_TRUE(house.log().has("session", "deleted=0"));
    EXPECT_TRUE(house.log().has("session", "mail not acknowledged"));
  }
  Client again(house);
  EXPECT_TRUE(again.login("berta", "pass word ").starts_with("+OK 1 messages"));
  Client anna(house);
  EXPECT_TRUE(anna.login().starts_with("+OK 1 messages"));
}

TEST(Session, QuitWaitsForASlowReaderAsLongAsItTakesOctets) {
  HouseSettings settings;
  settings.configuration.store.acknowledge_wait = milliseconds(500);
  House house(settings);
  const std::string text = lines_of(6'000'000, 8);
  house.deliver("anna", text);
  Client client(house);
  client.login();
  client.send("RETR 1\r\nDELE 1\r\nQUIT\r\n");
  client.line();
  const std::string wire = stuffed(text) + ".\r\n";
  std::string heard;
  while (heard.size() < wire.size()) {
    heard += client.octets(std::min<std::size_t>(400'000, wire.size() - heard.size()));
    pause(milliseconds(60));
  }
  EXPECT_TRUE(heard == wire);
  EXPECT_EQ(client.line(), "+OK marked as deleted");
  EXPECT_EQ(client.line(), "+OK 1 deleted");
  Client again(house);
  EXPECT_EQ(again.login(), "+OK 0 messages (0 octets)");
}

TEST(Session, AClientThatTakesNothingIsEndedAndHoldsNothing) {
  HouseSettings settings;
  settings.server().send_timeout = milliseconds(400);
  House house(settings);
  house.deliver("anna", lines_of(30'000'000, 9));
  Client client(house);
  client.login();
  client.send("DELE 1\r\nRSET\r\nRETR 1\r\n");
  EXPECT_TRUE(house.log().has("session", "end=client takes nothing"));
  EXPECT_TRUE(house.all_ended());
  Client again(house);
  EXPECT_TRUE(again.login().starts_with("+OK 1 messages"));
}

// R070: wherever a session is cut, nothing of it stays.
TEST(Session, ResetsAtEveryStepLeaveNothingBehind) {
  House house;
  house.deliver("anna", lines_of(600'000, 10));
  const std::string script = "USER anna\r\nPASS secret\r\nSTAT\r\nUIDL\r\nRETR 1\r\nTOP 1 3\r\nRETR 1\r\n";
  for (std::size_t length = 0; length <= script.size(); ++length) {
    Client client(house);
    client.send(script.substr(0, length));
    if (length % 3 == 0) client.line();
    if (length % 5 == 0 && length > 40) client.octets(20);
    if (length % 2)
      client.reset();
    else
      client.finish();
  }
  EXPECT_TRUE(house.all_ended());
  Client client(house);
  EXPECT_TRUE(client.login().starts_with("+OK 1 messages"));
}

}  // namespace
}  // namespace ringpost::pop3
