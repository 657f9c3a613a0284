// Plays tests/pop3/dialogues/*.txt twice: on the real ring with real sockets, and in the simulator. A dialogue file:
//
//   # comment                   what it shows, with its RFC rows
//   set KEY VALUE               of the virtual server, before the first client
//   mail ACCOUNT TEXT           a message, with \r \n \t \0 \\ \xHH
//   mail ACCOUNT *N TEXT        TEXT N times over
//   C: LINE                     the client says LINE and CRLF (C2: the second client ...; it connects when it is named)
//   C-: OCTETS                  the client sends just these octets, with escapes
//   S: LINE                     the server answers LINE; a `*` at its end stands for anything
//   S-until: LINE               anything, up to and with LINE
//   E:                          the server ends the connection
//   finish, reset               the client's FIN, RST ("finish2" ...)
//   L: EVENT PART               the log has an event that holds PART
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "house.h"
#include "sim_house.h"

namespace ringpost::pop3 {
namespace {

std::string unescaped(std::string_view text) {
  std::string octets;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      octets += text[at];
      continue;
    }
    switch (text[++at]) {
      case 'r':
        octets += '\r';
        break;
      case 'n':
        octets += '\n';
        break;
      case 't':
        octets += '\t';
        break;
      case '0':
        octets += '\0';
        break;
      case 'x':
        octets += static_cast<char>(std::stoi(std::string(text.substr(at + 1, 2)), nullptr, 16));
        at += 2;
        break;
      default:
        octets += text[at];
    }
  }
  return octets;
}

bool fits(const std::string& heard, const std::string& wanted) {
  if (wanted.ends_with('*')) return heard.starts_with(wanted.substr(0, wanted.size() - 1));
  return heard == wanted;
}

void set(HouseSettings& settings, const std::string& key, const std::string& value) {
  auto& server = settings.server();
  const auto number = [&] { return static_cast<std::uint32_t>(std::stoul(value)); };
  const auto time = [&] { return std::chrono::milliseconds(std::stoul(value)); };
  if (key == "require_tls")
    server.require_tls =
        value == "before-login" ? config::RequireTls::before_login : config::RequireTls::clear_text_passwords;
  else if (key == "authentication")
    server.authentication = {value == "user" ? config::Mechanism::user : config::Mechanism::plain};
  else if (key == "banner")
    server.banner = value;
  else if (key == "announce_version")
    server.announce_version = true;
  else if (key == "errors_max")
    server.errors_max = number();
  else if (key == "failed_logins_max")
    server.failed_logins_max = number();
  else if (key == "commands_before_login_max")
    server.commands_before_login_max = number();
  else if (key == "max_connections")
    server.max_connections = number();
  else if (key == "max_connections_per_account")
    server.max_connections_per_account = number();
  else if (key == "login_timeout")
    server.login_timeout = time();
  else if (key == "idle_timeout")
    server.idle_timeout = time();
  else if (key == "login_delay")
    server.login_delay = time();
  else if (key == "expire_days")
    server.expire_days = static_cast<std::int32_t>(number());
  else if (key == "pipelined_octets_max")
    server.pipelined_octets_max = number();
  else
    FAIL() << "no such setting: " << key;
}

enum class EngineName : std::uint8_t { uring, simulator };

class Dialogue : public ::testing::TestWithParam<std::tuple<EngineName, std::string>> {
 protected:
  Talker& client(char number) {
    auto& client = clients_[number];
    if (!client) client = stage().enter();
    return *client;
  }
  // Made when it is first needed: settings come before it.
  Stage& stage() {
    if (stage_) return *stage_;
    if (std::get<0>(GetParam()) == EngineName::uring)
      stage_ = std::make_unique<House>(settings_);
    else
      stage_ = std::make_unique<SimHouse>(settings_);
    return *stage_;
  }

  void play(std::string line) {
    if (line.empty() || line.starts_with('#')) return;
    const std::size_t blank = line.find(' ');
    std::string word = line.substr(0, blank);
    const std::string rest = blank == std::string::npos ? "" : line.substr(blank + 1);
    if (word == "set") return set(settings_, rest.substr(0, rest.find(' ')), rest.substr(rest.find(' ') + 1));
    if (word == "mail") return mail(rest);
    if (word == "L:") {
      const std::size_t end = rest.find(' ');
      EXPECT_TRUE(stage().logged(rest.substr(0, end), rest.substr(end + 1))) << line;
      return;
    }
    char number = '1';
    for (std::size_t at = 0; at < word.size(); ++at)
      if (word[at] >= '1' && word[at] <= '9') {
        number = word[at];
        word.erase(at, 1);
      }
    Talker& who = client(number);
    if (word == "C:") return who.say(unescaped(rest));
    if (word == "C-:") return who.send(unescaped(rest));
    if (word == "finish") return who.finish();
    if (word == "reset") return who.reset();
    if (word == "E:") {
      const std::string heard = who.line();
      EXPECT_TRUE(heard == "<end>" || heard == "<reset>") << heard;
      return;
    }
    if (word == "S-until:") {
      std::string heard;
      do heard = who.line();
      while (heard != rest && !heard.starts_with('<'));
      EXPECT_EQ(heard, rest);
      return;
    }
    ASSERT_EQ(word, "S:") << line;
    const std::string heard = who.line();
    EXPECT_TRUE(fits(heard, unescaped(rest))) << "wanted: " << rest << "\n heard: " << heard;
    EXPECT_LE(heard.size() + 2, 512U);  // P005
  }

  void mail(const std::string& rest) {
    const std::size_t blank = rest.find(' ');
    const std::string account = rest.substr(0, blank);
    std::string text = blank == std::string::npos ? "" : rest.substr(blank + 1);
    std::size_t times = 1;
    if (text.starts_with('*')) {
      times = std::stoul(text.substr(1));
      text = text.substr(text.find(' ') + 1);
    }
    std::string message;
    for (; times > 0; --times) message += unescaped(text);
    stage().deliver(account, message);
  }

  HouseSettings settings_;
  std::unique_ptr<Stage> stage_;
  std::map<char, std::unique_ptr<Talker>> clients_;
};

TEST_P(Dialogue, GoesAsWritten) {
  const std::string name = std::get<1>(GetParam());
  std::ifstream file(std::string(RINGPOST_DIALOGUES) + "/" + name + ".txt");
  ASSERT_TRUE(file);
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    SCOPED_TRACE(name + ".txt:" + std::to_string(++number));
    play(line);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
  clients_.clear();
}

std::vector<std::string> dialogues() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(RINGPOST_DIALOGUES))
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Pop3, Dialogue,
                         ::testing::Combine(::testing::Values(EngineName::uring, EngineName::simulator),
                                            ::testing::ValuesIn(dialogues())),
                         [](const auto& named) {
                           return (std::get<0>(named.param) == EngineName::uring ? "uring_" : "simulator_") +
                                  std::get<1>(named.param);
                         });

}  // namespace
}  // namespace ringpost::pop3
