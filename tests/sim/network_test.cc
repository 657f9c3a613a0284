#include <cerrno>
#include <gtest/gtest.h>

#include <ringpost/ring/task.h>
#include <ringpost/sim/network.h>
#include <ringpost/sim/peer.h>

namespace ringpost::sim {
namespace {

using std::chrono::seconds;

struct Wire {
  explicit Wire(std::uint64_t seed, Faults chosen = Faults::none())
      : faults(chosen), events(Random(seed)), network(Random(seed + 1), events, faults, counts, story) {
    listener = network.listen(110);
    client = network.connect(7, 110);
    run();
    server = listener->backlog.front();
  }
  void run(Duration duration = seconds(5)) {
    const Instant until = events.now() + duration;
    while (events.step(until)) {
    }
  }
  std::int64_t send(SocketNumber from, std::string_view octets) { return network.send(from, octets_of(octets)); }

  Faults faults;
  FaultCounts counts;
  Story story;
  Events events;
  Network network;
  Listener* listener = nullptr;
  SocketNumber client = 0;
  SocketNumber server = 0;
};

TEST(Network, OctetsArriveInOrderHoweverTheyAreSplit) {
  Faults faults = Faults::none();
  faults.packet_split = 0.9;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Wire wire(seed, faults);
    std::string sent;
    for (int line = 0; line < 50; ++line) {
      const std::string text = "line " + std::to_string(line) + "\r\n";
      EXPECT_EQ(wire.send(wire.client, text), static_cast<std::int64_t>(text.size()));
      sent += text;
    }
    wire.run();
    EXPECT_EQ(wire.network.take(wire.server, 1 << 20), sent);
    EXPECT_EQ(wire.network.socket(wire.client)->unacknowledged(), 0u);
  }
}

// M6: what the peer's kernel has not acknowledged stays in the number, also after a reset.
TEST(Network, ClientThatDoesNotReadFillsBothQueuesAndTheRestStaysUnacknowledged) {
  Faults faults = Faults::none();
  faults.socket_octets_max = 4096;
  Wire wire(1, faults);
  EXPECT_EQ(wire.send(wire.server, std::string(10000, 'x')), 4096);
  wire.run();
  EXPECT_EQ(wire.send(wire.server, std::string(10000, 'x')), 4096);
  wire.run();
  EXPECT_EQ(wire.send(wire.server, "x"), -EAGAIN);
  EXPECT_EQ(wire.network.socket(wire.server)->unacknowledged(), 4096u);
  wire.network.reset(wire.client);
  wire.run();
  EXPECT_EQ(wire.send(wire.server, "x"), -ECONNRESET);
  EXPECT_EQ(wire.send(wire.server, "x"), -EPIPE);
  EXPECT_EQ(wire.network.socket(wire.server)->unacknowledged(), 4096u);
}

TEST(Network, ReadingOpensTheWindowAgain) {
  Faults faults = Faults::none();
  faults.socket_octets_max = 4096;
  Wire wire(1, faults);
  wire.send(wire.server, std::string(4096, 'x'));
  wire.run();
  wire.send(wire.server, std::string(4096, 'y'));
  wire.run();
  EXPECT_EQ(wire.network.take(wire.client, 1 << 20).size(), 4096u);
  wire.run();
  EXPECT_EQ(wire.network.take(wire.client, 1 << 20), std::string(4096, 'y'));
  EXPECT_EQ(wire.network.socket(wire.server)->unacknowledged(), 0u);
}

TEST(Network, HalfCloseComesBehindTheOctetsAndTheOtherWayStaysOpen) {
  Wire wire(3);
  wire.send(wire.client, "QUIT\r\n");
  wire.network.finish_sending(wire.client);
  wire.run();
  EXPECT_EQ(wire.network.take(wire.server, 100), "QUIT\r\n");
  EXPECT_TRUE(wire.network.socket(wire.server)->peer_finished);
  wire.send(wire.server, "+OK\r\n");
  wire.run();
  EXPECT_EQ(wire.network.take(wire.client, 100), "+OK\r\n");
}

TEST(Network, ClosingWithUnreadOctetsResetsThePeer) {
  Wire wire(4);
  wire.send(wire.client, "nobody reads this");
  wire.run();
  wire.network.close(wire.server);
  wire.run();
  EXPECT_EQ(wire.network.socket(wire.client)->error, ECONNRESET);
}

// M13: a living peer shows within 1.5 s; a silent one does not, and with octets queued retransmissions count.
TEST(Network, ProbesTellTheLivingFromTheDead) {
  Wire living(5);
  living.network.begin_probing(living.server);
  living.run(std::chrono::milliseconds(1500));
  EXPECT_LT(living.network.peer_state(*living.network.socket(living.server)).since_last_ack, seconds(1));

  Wire dead(5);
  dead.network.go_silent(dead.client);
  dead.network.begin_probing(dead.server);
  dead.run(std::chrono::milliseconds(2500));
  EXPECT_EQ(dead.network.peer_state(*dead.network.socket(dead.server)).unanswered_probes, 2u);

  Wire queued(5);
  queued.network.go_silent(queued.client);
  queued.send(queued.server, "x");
  queued.run(seconds(2));
  EXPECT_GE(queued.network.peer_state(*queued.network.socket(queued.server)).retransmits, 2u);
}

TEST(Network, DeadMachinesPeersAreResetInTheEnd) {
  Wire wire(6);
  wire.network.machine_died();
  EXPECT_EQ(wire.network.socket(wire.client)->error, 0);
  wire.run();
  EXPECT_EQ(wire.network.socket(wire.client)->error, ECONNRESET);
  EXPECT_EQ(wire.network.server_sockets_open(), 0u);
}

ring::Task<void> read_to_the_end(Peer& peer, std::string& all) {
  while (true) {
    const bool grown = co_await peer.more(Instant::max());
    all += peer.unread();
    peer.unread().clear();
    if (!grown && peer.ended()) co_return;
  }
}

TEST(Peer, ReadsWhatTheServerSentBeforeItsEnd) {
  Wire wire(7);
  Peer peer(wire.network, wire.events, 8, 110);
  wire.run();
  const SocketNumber server = wire.listener->backlog.back();
  ring::Gate gate;
  std::string all;
  ring::spawn(gate, read_to_the_end(peer, all));
  wire.send(server, "+OK ready\r\n");
  wire.network.close(server);
  wire.run();
  EXPECT_EQ(gate.count(), 0u);
  EXPECT_EQ(all, "+OK ready\r\n");
  EXPECT_FALSE(peer.was_reset());
  EXPECT_TRUE(peer.server_closed());
}

}  // namespace
}  // namespace ringpost::sim
