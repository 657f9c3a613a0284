#include <array>
#include <gtest/gtest.h>
#include <sstream>
#include <vector>

#include <ringpost/pop3/replies.h>

namespace ringpost::pop3 {
namespace {

using Lines = std::vector<std::string>;

template <typename Write>
std::string written(std::size_t octets_max, Write write) {
  std::vector<std::byte> room(octets_max);
  ReplyWriter out(room);
  write(out);
  return std::string(out.view());
}

Lines capabilities(const config::VirtualServer& server, bool tls, bool logged_in) {
  const std::string text =
      written(capabilities_octets_max, [&](auto& out) { write_capabilities(out, server, tls, logged_in); });
  Lines lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    EXPECT_TRUE(line.ends_with('\r'));
    EXPECT_LE(line.size() + 1, 512U);  // X016
    line.pop_back();
    lines.push_back(line);
  }
  EXPECT_TRUE(lines.front().starts_with("+OK"));
  EXPECT_EQ(lines.back(), ".");  // X013
  return {lines.begin() + 1, lines.end() - 1};
}

bool has(const Lines& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

config::VirtualServer open_server() {
  config::VirtualServer server;
  server.require_tls = config::RequireTls::never;
  return server;
}

// R045, X014, X017, X026, E002
TEST(Capabilities, WhatStandsBeforeLoginStandsAfterItToo) {
  const auto before = capabilities(open_server(), false, false);
  const auto after = capabilities(open_server(), false, true);
  for (const auto& line : before) EXPECT_TRUE(has(after, line)) << line;
  for (const char* line :
       {"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "USER", "SASL PLAIN", "EXPIRE NEVER"})
    EXPECT_TRUE(has(before, line)) << line;
}

// X018, S004, A015, T007
TEST(Capabilities, UserAndSaslStandOnlyWhereTheyWouldBeAccepted) {
  config::VirtualServer server;
  for (auto policy : {config::RequireTls::before_login, config::RequireTls::clear_text_passwords}) {
    server.require_tls = policy;
    for (bool logged_in : {false, true}) {
      for (const auto& line : capabilities(server, false, logged_in)) {
        EXPECT_NE(line, "USER");
        EXPECT_FALSE(line.starts_with("SASL")) << line;
      }
      EXPECT_TRUE(has(capabilities(server, true, logged_in), "USER"));
      EXPECT_TRUE(has(capabilities(server, true, logged_in), "SASL PLAIN"));
    }
  }
  server = open_server();
  server.authentication = {config::Mechanism::plain};
  EXPECT_FALSE(has(capabilities(server, false, false), "USER"));
  server.authentication = {config::Mechanism::user};
  EXPECT_FALSE(has(capabilities(server, false, false), "SASL PLAIN"));
}

// X027
TEST(Capabilities, ImplementationComesAfterLoginAndHidesTheVersionUnlessAskedFor) {
  auto server = open_server();
  for (const auto& line : capabilities(server, false, false)) EXPECT_FALSE(line.starts_with("IMPLEMENTATION"));
  EXPECT_TRUE(has(capabilities(server, false, true), "IMPLEMENTATION Ringpost"));
  server.announce_version = true;
  EXPECT_FALSE(has(capabilities(server, false, true), "IMPLEMENTATION Ringpost"));
}

// X020, X023
TEST(Capabilities, ExpireAndLoginDelaySayWhatIsConfigured) {
  auto server = open_server();
  for (const auto& line : capabilities(server, false, false)) EXPECT_FALSE(line.starts_with("LOGIN-DELAY"));
  server.expire_days = 0;
  server.login_delay = std::chrono::milliseconds(1500);
  EXPECT_TRUE(has(capabilities(server, false, false), "EXPIRE 0"));
  EXPECT_TRUE(has(capabilities(server, false, false), "LOGIN-DELAY 2"));
  server.expire_days = 2147483647;
  server.login_delay = std::chrono::milliseconds::max();
  EXPECT_TRUE(has(capabilities(server, false, true), "EXPIRE 2147483647"));  // the longest there can be still fits
}

// A026
TEST(Mechanisms, AreListedOneALine) {
  auto list = [](const config::VirtualServer& server) {
    return written(512, [&](auto& out) { write_mechanisms(out, server, false); });
  };
  EXPECT_EQ(list(open_server()), "+OK mechanisms follow\r\nPLAIN\r\n.\r\n");
  EXPECT_EQ(list(config::VirtualServer{}), "+OK mechanisms follow\r\n.\r\n");
}

// P001, X012, X019, X031
TEST(Greeting, IsOneLineThatNobodyMistakesForAnythingElse) {
  auto greeting = [](std::string_view banner) {
    return written(reply_octets_max, [&](auto& out) { write_greeting(out, banner); });
  };
  EXPECT_EQ(greeting("mail.example.test ready"), "+OK mail.example.test ready\r\n");
  EXPECT_EQ(greeting(""), "+OK \r\n");
  EXPECT_EQ(greeting("<1.2@host> \r\n[x]"), "+OK _1.2@host_ __[x]\r\n");
  EXPECT_EQ(greeting("[AUTH] x"), "+OK _AUTH] x\r\n");
  EXPECT_EQ(greeting(std::string(5000, 'b')).size(), 512U);
}

// P026, P042: just one blank, nothing behind the size; the longest line there can be still fits.
TEST(Listings, LinesHoldTwoFields) {
  EXPECT_EQ(written(scan_line_octets_max, [](auto& out) { write_scan_line(out, 1, 120); }), "1 120\r\n");
  EXPECT_EQ(written(scan_line_octets_max, [](auto& out) { write_scan_line(out, 4294967295U, 18446744073709551615U); }),
            "4294967295 18446744073709551615\r\n");
  EXPECT_EQ(
      written(uidl_line_octets_max, [](auto& out) { write_uidl_line(out, 4294967295U, std::string(70, 'u')); }).size(),
      83U);
}

}  // namespace
}  // namespace ringpost::pop3
