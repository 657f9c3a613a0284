// A session's TLS against OpenSSL, the wire cut wherever it can be.
#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

#include <ringpost/tls/server_context.h>

#include "peer.h"

namespace ringpost::tls {
namespace {

using Stage = ring::SecureLayer::Stage;

struct Opened final : ring::SecureLayer::Reader {
  std::string plain;
  void opened(Octets octets) noexcept override { plain += text_of(octets); }
};

const MadeIdentity& ec() {
  static const MadeIdentity identity = make_ec_identity();
  return identity;
}
const MadeIdentity& rsa() {
  static const MadeIdentity identity = make_rsa_identity();
  return identity;
}

std::unique_ptr<ServerContext> context_for(const MadeIdentity& identity, Version minimum = Version::tls_1_2) {
  auto made = ServerContext::make({identity.chain_pem, identity.key_pem}, minimum);
  if (!made) throw std::runtime_error(made.error());
  return std::move(*made);
}

// A server's layer and a client, and a wire between them that is cut into slices.
class Link {
 public:
  Link(const ServerContext& context, std::size_t slice, int lowest = TLS1_2_VERSION, int highest = TLS1_3_VERSION)
      : client(lowest, highest), server(context.accept()), slice_(slice) {}

  void to_server(std::string_view wire) {
    while (!wire.empty()) {
      const std::string_view part = wire.substr(0, slice_);
      server->from_wire(octets_of(part), opened);
      wire.remove_prefix(part.size());
    }
  }
  void own_to_client() {
    while (!server->own_output().empty()) {
      const Octets part = server->own_output().first(std::min(slice_, server->own_output().size()));
      client.wire_in(part);
      server->own_output_taken(part.size());
    }
  }
  bool shake_hands() {
    for (int round = 0; round < 10; ++round) {
      const bool done = client.shake_hands();
      to_server(client.wire_out());
      own_to_client();
      if (client.failed() || server->stage() == Stage::failed) return false;
      if (done && server->stage() == Stage::open) return true;
    }
    return false;
  }
  std::string sealed(std::string_view plain) {
    std::vector<std::byte> room(server->sealed_octets_max(plain.size()));
    const std::size_t octets = server->seal(octets_of(plain), room);
    return std::string(text_of(Octets(room).first(octets)));
  }
  std::string through_to_client(std::string_view plain) {
    client.wire_in(octets_of(sealed(plain)));
    return client.read();
  }

  OpensslClient client;
  std::unique_ptr<ring::SecureLayer> server;
  Opened opened;

 private:
  std::size_t slice_;
};

std::string pattern(std::size_t octets) {
  std::string text(octets, '\0');
  for (std::size_t at = 0; at < octets; ++at) text[at] = static_cast<char>(at * 31 + (at >> 8));
  return text;
}

struct Case {
  int version;
  const MadeIdentity& (*identity)();
  std::size_t slice;
};

class Layers : public ::testing::TestWithParam<Case> {};

TEST_P(Layers, CarryEveryOctetBothWaysHoweverTheWireIsCut) {
  const auto context = context_for(GetParam().identity());
  Link link(*context, GetParam().slice, GetParam().version, GetParam().version);
  ASSERT_TRUE(link.shake_hands());
  for (const std::size_t octets : {1, 255, 16383, 16384, 16385, 40000}) {
    const std::string text = pattern(octets);
    link.opened.plain.clear();
    link.client.write(text);
    link.to_server(link.client.wire_out());
    EXPECT_EQ(link.opened.plain, text) << octets;
    EXPECT_EQ(link.through_to_client(text), text) << octets;
  }
  EXPECT_FALSE(link.client.failed());
  EXPECT_EQ(link.server->version(), GetParam().version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
  EXPECT_THAT(link.server->cipher(), ::testing::HasSubstr("AES128-GCM-SHA256"));
}

INSTANTIATE_TEST_SUITE_P(Cut, Layers,
                         ::testing::Values(Case{TLS1_3_VERSION, ec, 1}, Case{TLS1_3_VERSION, ec, 2},
                                           Case{TLS1_3_VERSION, ec, 4}, Case{TLS1_3_VERSION, ec, 5},
                                           Case{TLS1_3_VERSION, ec, 6}, Case{TLS1_3_VERSION, ec, 997},
                                           Case{TLS1_3_VERSION, ec, 1 << 20}, Case{TLS1_2_VERSION, ec, 1},
                                           Case{TLS1_2_VERSION, ec, 5}, Case{TLS1_2_VERSION, ec, 1 << 20},
                                           Case{TLS1_3_VERSION, rsa, 3}, Case{TLS1_2_VERSION, rsa, 1 << 20}));

TEST(Layer, ACommandBehindTheClientsLastFlightIsHeard) {
  const auto context = context_for(ec());
  Link link(*context, 1 << 20);
  ASSERT_FALSE(link.client.shake_hands());
  link.to_server(link.client.wire_out());
  link.own_to_client();
  ASSERT_TRUE(link.client.shake_hands());
  link.client.write("CAPA\r\n");
  link.to_server(link.client.wire_out());  // Finished and the command in one segment
  EXPECT_EQ(link.server->stage(), Stage::open);
  EXPECT_EQ(link.opened.plain, "CAPA\r\n");
}

TEST(Layer, ClearTextIsNoHandshakeAndNothingOfItIsGivenOut) {
  const auto context = context_for(ec());
  for (const std::string_view said : {"CAPA\r\nQUIT\r\n", "GET / HTTP/1.0\r\n\r\n", "\r\n\r\n\r\n\r\n"}) {
    Link link(*context, 1);
    link.to_server(said);
    EXPECT_EQ(link.server->stage(), Stage::failed) << said;
    EXPECT_EQ(link.opened.plain, "");
    std::vector<std::byte> room(200);
    EXPECT_EQ(link.server->seal(octets_of("secret mail"), room), 0U);
  }
}

TEST(Layer, AForgedRecordEndsItAndIsNotGivenOut) {
  const auto context = context_for(ec());
  for (const std::size_t place : {0U, 1U, 3U, 5U, 12U, 20U}) {
    Link link(*context, 1 << 20);
    ASSERT_TRUE(link.shake_hands());
    link.client.write("DELE 1\r\n");
    std::string wire = link.client.wire_out();
    wire[place] = static_cast<char>(wire[place] ^ 1);
    link.to_server(wire + std::string(300, 'x'));
    EXPECT_EQ(link.server->stage(), Stage::failed) << place;
    EXPECT_EQ(link.opened.plain, "") << place;
  }
}

TEST(Layer, AReplayedRecordEndsIt) {
  const auto context = context_for(ec());
  Link link(*context, 1 << 20);
  ASSERT_TRUE(link.shake_hands());
  link.client.write("NOOP\r\n");
  const std::string wire = link.client.wire_out();
  link.to_server(wire);
  link.to_server(wire);
  EXPECT_EQ(link.opened.plain, "NOOP\r\n");
  EXPECT_EQ(link.server->stage(), Stage::failed);
}

TEST(Layer, GoodByesAreSaidAndHeard) {
  const auto context = context_for(ec());
  Link link(*context, 1 << 20);
  ASSERT_TRUE(link.shake_hands());
  EXPECT_EQ(link.through_to_client("+OK good-bye\r\n"), "+OK good-bye\r\n");
  link.client.say_good_bye();
  link.to_server(link.client.wire_out());
  EXPECT_EQ(link.server->stage(), Stage::finished);
  EXPECT_EQ(link.through_to_client("answer"), "answer") << "the other direction goes on";
  EXPECT_FALSE(link.client.heard_good_bye());
  link.server->finish();
  link.server->finish();
  link.own_to_client();
  EXPECT_EQ(link.client.read(), "");
  EXPECT_TRUE(link.client.heard_good_bye());
}

TEST(Layer, OldVersionsAreRefused) {
  const auto lax = context_for(ec());
  EXPECT_FALSE(Link(*lax, 1 << 20, TLS1_VERSION, TLS1_1_VERSION).shake_hands());
  const auto strict = context_for(ec(), Version::tls_1_3);
  EXPECT_FALSE(Link(*strict, 1 << 20, TLS1_2_VERSION, TLS1_2_VERSION).shake_hands());
  EXPECT_TRUE(Link(*strict, 1 << 20).shake_hands());
}

TEST(ServerContext, SaysWhatIsWrongWithItsFilesAndNothingOfTheKey) {
  const auto error = [](std::string_view chain, std::string_view key) {
    const auto made = ServerContext::make({chain, key}, Version::tls_1_2);
    return made ? std::string("made") : made.error();
  };
  EXPECT_THAT(error("nonsense", ec().key_pem), ::testing::HasSubstr("certificate chain"));
  EXPECT_THAT(error("", ec().key_pem), ::testing::HasSubstr("certificate chain"));
  EXPECT_THAT(error(ec().chain_pem, "nonsense"), ::testing::HasSubstr("the key"));
  EXPECT_THAT(error(ec().chain_pem, make_ec_identity().key_pem), ::testing::HasSubstr("does not belong"));
  EXPECT_THAT(error(ec().chain_pem, rsa().key_pem), ::testing::HasSubstr("the key"));
  EXPECT_EQ(error(rsa().chain_pem, rsa().key_pem), "made");
}

}  // namespace
}  // namespace ringpost::tls
