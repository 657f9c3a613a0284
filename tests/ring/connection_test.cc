// Input, waiting and endings of a connection, over the real ring and over the simulator.

#include <chrono>
#include <cstring>
#include <string>

#include <ringpost/ring/connection.h>

#include "both_engines.h"

namespace ringpost::ring {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using ConnectionTest = OnBothEngines;

Task<void> echo(Proactor& proactor, Descriptor socket, SendCounters& counters, Ending& ended) {
  Connection connection(proactor, socket, {}, counters);
  while (true) {
    const Ending ending = co_await connection.more(proactor.now() + seconds(5));
    const Octets octets = connection.unread();
    if (!octets.empty()) {
      connection.put(text_of(octets));
      connection.consume(octets.size());
    }
    if (ending != Ending::none) {
      ended = ending;
      break;
    }
  }
  co_await connection.close(true, seconds(2));
}

TEST_P(ConnectionTest, EchoesAndEndsWhenThePeerHasFinished) {
  SendCounters counters;
  Ending ended = Ending::none;
  const Heard heard =
      engine_->converse([&](Proactor& proactor, Descriptor socket) { return echo(proactor, socket, counters, ended); },
                        {say("hello, core\r\n"), finish, hear_all});
  EXPECT_EQ(ended, Ending::peer_finished);
  EXPECT_EQ(heard.octets, "hello, core\r\n");
  EXPECT_FALSE(heard.reset);
  EXPECT_EQ(counters.octets_by_ring, 13U);
}

// Takes lines apart as a session does, and is away after every third.
Task<void> lines(Proactor& proactor, Descriptor socket, std::vector<std::string>& out, Ending& ended) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  while (true) {
    const std::string_view text = text_of(connection.unread());
    if (const auto end = text.find("\r\n"); end != std::string_view::npos) {
      out.emplace_back(text.substr(0, end));
      connection.consume(end + 2);
      if (out.size() % 3 == 0) {
        Pause away(proactor, proactor.now() + milliseconds(20));
        co_await away;
      }
      continue;
    }
    ended = co_await connection.more(proactor.now() + seconds(5));
    if (ended != Ending::none) break;
  }
  co_await connection.close(true, seconds(1));
}

TEST_P(ConnectionTest, LinesInAnySlicesComeOutWholeAndInOrder) {
  std::vector<std::string> expected;
  std::string all;
  for (int i = 0; i < 40; ++i) {
    expected.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i) * 7, 'a'));
    all += expected.back() + "\r\n";
  }
  std::vector<PeerStep> steps;
  std::size_t at = 0;
  for (std::size_t slice = 1; at < all.size(); slice = slice * 2 % 97 + 1) {
    steps.push_back(say(all.substr(at, slice)));
    if (slice % 5 == 0) steps.push_back(pause(milliseconds(1)));
    at += slice;
  }
  steps.push_back(finish);
  steps.push_back(hear_all);
  std::vector<std::string> heard;
  Ending ended = Ending::none;
  engine_->converse([&](Proactor& proactor, Descriptor socket) { return lines(proactor, socket, heard, ended); },
                    steps);
  EXPECT_EQ(heard, expected);
  EXPECT_EQ(ended, Ending::peer_finished);
}

Task<void> sleepy(Proactor& proactor, Descriptor socket, std::size_t& held_max, std::string& heard) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  Ending ending = Ending::none;
  while (ending == Ending::none) {
    Pause away(proactor, proactor.now() + milliseconds(5));
    co_await away;
    held_max = std::max(held_max, connection.unread().size());
    heard += text_of(connection.unread());
    connection.consume(connection.unread().size());
    ending = co_await connection.more(proactor.now() + seconds(5));
  }
  heard += text_of(connection.unread());
  connection.consume(connection.unread().size());
  co_await connection.close(true, seconds(1));
}

// X022: reading stops while the session is busy, and goes on where it stopped. Held is unread_max and what the ring
// receives until its cancel takes effect: 32 buffers a run, two runs.
TEST_P(ConnectionTest, AFastSenderIsHeldBackWhileTheSessionIsBusy) {
  const std::string sent = pattern(1 << 20);
  std::size_t held_max = 0;
  std::string heard;
  engine_->converse([&](Proactor& proactor, Descriptor socket) { return sleepy(proactor, socket, held_max, heard); },
                    {say(sent), finish, hear_all});
  EXPECT_TRUE(heard == sent);
  EXPECT_LE(held_max, 8192U + 2 * 32 * 1024);
}

Task<void> wait_once(Proactor& proactor, Descriptor socket, Duration until, Ending& ended, Duration& waited,
                     Connection** out = nullptr) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  if (out) *out = &connection;
  const Instant before = proactor.now();
  ended = co_await connection.more(before + until);
  waited = proactor.now() - before;
  co_await connection.close(true, milliseconds(100));
}

TEST_P(ConnectionTest, SilenceEndsAtTheDeadlineAndNotBefore) {
  Ending ended = Ending::none;
  Duration waited{};
  const Heard heard =
      engine_->converse([&](Proactor& proactor,
                            Descriptor socket) { return wait_once(proactor, socket, milliseconds(80), ended, waited); },
                        {hear_all});
  EXPECT_EQ(ended, Ending::timed_out);
  EXPECT_GE(waited, milliseconds(80));
  EXPECT_LT(waited, seconds(2));
  EXPECT_EQ(heard.octets, "");
  EXPECT_FALSE(heard.reset);
}

struct DoomLater final : Timer {
  Connection** connection = nullptr;
  void fired() noexcept override { (*connection)->doom(DoomReason::kicked); }
};

TEST_P(ConnectionTest, ADoomedConnectionWakesItsSession) {
  Ending ended = Ending::none;
  Duration waited{};
  Connection* connection = nullptr;
  DoomLater later;
  later.connection = &connection;
  const Heard heard = engine_->converse(
      [&](Proactor& proactor, Descriptor socket) {
        proactor.arm(later, proactor.now() + milliseconds(30));
        return wait_once(proactor, socket, seconds(60), ended, waited, &connection);
      },
      {hear_all});
  EXPECT_EQ(ended, Ending::doomed);
  EXPECT_LT(waited, seconds(2));
  EXPECT_FALSE(heard.reset) << "FIN, not a reset";
}

Task<void> until_reset(Proactor& proactor, Descriptor socket, std::string& heard, Ending& ended, Ending& flushed,
                       bool& counted) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  Pause away(proactor, proactor.now() + milliseconds(50));  // octets and reset are there together
  co_await away;
  do {
    heard += text_of(connection.unread());
    connection.consume(connection.unread().size());
    ended = co_await connection.more(proactor.now() + seconds(5));
  } while (ended == Ending::none);
  const std::uint64_t before = connection.position();
  connection.put("lost");
  flushed = co_await connection.flushed(seconds(1));
  counted = connection.position() != before || connection.acknowledged(before + 1);
  co_await connection.close(true, seconds(1));
}

// M6: what was received before an error is executed first; what is said behind it is not counted.
TEST_P(ConnectionTest, WhatCameBeforeAResetIsStillHeard) {
  std::string heard;
  Ending ended = Ending::none;
  Ending flushed = Ending::none;
  bool counted = true;
  engine_->converse([&](Proactor& proactor,
                        Descriptor socket) { return until_reset(proactor, socket, heard, ended, flushed, counted); },
                    {say("QUIT\r\n"), pause(milliseconds(20)), reset});
  EXPECT_EQ(heard, "QUIT\r\n");
  EXPECT_EQ(ended, Ending::peer_reset);
  EXPECT_EQ(flushed, Ending::peer_reset);
  EXPECT_FALSE(counted);
}

Task<void> say_goodbye(Proactor& proactor, Descriptor socket, Duration& took) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  const Instant before = proactor.now();
  connection.put(std::string(10000, 'x') + "bye\r\n");
  co_await connection.close(true, seconds(2));
  took = proactor.now() - before;
}

TEST_P(ConnectionTest, OurLastOctetsSurviveAPeerThatStillTalks) {
  std::vector<PeerStep> steps;
  for (int i = 0; i < 20; ++i) {
    steps.push_back(say("NOOP\r\n"));
    steps.push_back(pause(milliseconds(2)));
  }
  steps.push_back(hear_all);
  Duration took{};
  const Heard heard = engine_->converse(
      [&](Proactor& proactor, Descriptor socket) { return say_goodbye(proactor, socket, took); }, steps);
  EXPECT_EQ(heard.octets, std::string(10000, 'x') + "bye\r\n");
}

// R070: the peer sees our FIN within a second, also when it never closes itself; then we leave.
TEST_P(ConnectionTest, AStubbornPeerIsLeftAfterASecond) {
  Duration took{};
  const Heard heard =
      engine_->converse([&](Proactor& proactor, Descriptor socket) { return say_goodbye(proactor, socket, took); },
                        {hear_all, pause(milliseconds(1500))});
  EXPECT_EQ(heard.octets.size(), 10005U);
  EXPECT_FALSE(heard.reset);
  EXPECT_GE(took, seconds(1));
  EXPECT_LT(took, milliseconds(1500));
}

INSTANTIATE_TEST_SUITE_P(Proactors, ConnectionTest, ::testing::Values(EngineName::uring, EngineName::simulator),
                         engine_name);

}  // namespace
}  // namespace ringpost::ring
