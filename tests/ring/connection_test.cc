// Input, waiting and endings of a connection, over loopback TCP.

#include <chrono>
#include <cstring>
#include <poll.h>
#include <string>
#include <thread>

#include <ringpost/ring/connection.h>

#include "one_core.h"
#include "peer.h"

namespace ringpost::ring {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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

TEST(Connection, EchoesAndEndsWhenThePeerHasFinished) {
  OneCore core;
  SocketPair pair;
  SendCounters counters;
  Ending ended = Ending::none;
  write_all(pair.peer, "hello, core\r\n");
  ASSERT_EQ(::shutdown(pair.peer, SHUT_WR), 0);
  core.run(echo(core.proactor, pair.ours, counters, ended));
  EXPECT_EQ(ended, Ending::peer_finished);
  EXPECT_EQ(read_all(pair.peer), "hello, core\r\n");
  EXPECT_EQ(counters.octets_by_ring, 13U);
}

// Takes lines apart as a session does and never holds a lent buffer over a wait.
Task<void> lines(Proactor& proactor, Descriptor socket, std::vector<std::string>& out, Ending& ended) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  while (true) {
    const std::string_view text = text_of(connection.unread());
    if (const auto end = text.find("\r\n"); end != std::string_view::npos) {
      out.emplace_back(text.substr(0, end));
      connection.consume(end + 2);
      if (out.size() % 3 == 0) co_await Pause(proactor, proactor.now() + milliseconds(20));
      continue;
    }
    ended = co_await connection.more(proactor.now() + seconds(5));
    if (ended != Ending::none) break;
  }
  co_await connection.close(true, seconds(1));
}

TEST(Connection, LinesInAnySlicesComeOutWholeAndInOrder) {
  OneCore core;
  SocketPair pair;
  std::vector<std::string> expected;
  std::string all;
  for (int i = 0; i < 40; ++i) {
    expected.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i) * 7, 'a'));
    all += expected.back() + "\r\n";
  }
  std::thread peer([&] {
    std::size_t at = 0;
    for (std::size_t slice = 1; at < all.size(); slice = slice * 2 % 97 + 1) {
      write_all(pair.peer, all.substr(at, slice));
      at += slice;
      if (slice % 5 == 0) std::this_thread::sleep_for(milliseconds(1));
    }
    ::shutdown(pair.peer, SHUT_WR);
  });
  std::vector<std::string> heard;
  Ending ended = Ending::none;
  core.run(lines(core.proactor, pair.ours, heard, ended));
  peer.join();
  EXPECT_EQ(heard, expected);
  EXPECT_EQ(ended, Ending::peer_finished);
}

Task<void> sleepy(UringProactor& proactor, Descriptor socket, std::size_t& held_max, std::string& heard) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  while (true) {
    co_await Pause(proactor, proactor.now() + milliseconds(5));
    EXPECT_EQ(proactor.lent_buffers(), 0U);
    held_max = std::max(held_max, connection.unread().size());
    heard += text_of(connection.unread());
    connection.consume(connection.unread().size());
    const Ending ending = co_await connection.more(proactor.now() + seconds(5));
    if (ending != Ending::none) break;
  }
  heard += text_of(connection.unread());
  connection.consume(connection.unread().size());
  co_await connection.close(true, seconds(1));
}

// X022: reading stops when the session is busy, and goes on where it stopped.
TEST(Connection, AFastSenderIsHeldBackWhileTheSessionIsBusy) {
  OneCore core;
  SocketPair pair;
  const std::string sent = pattern(3 << 20);
  std::thread peer([&] {
    write_all(pair.peer, sent);
    ::shutdown(pair.peer, SHUT_WR);
  });
  std::size_t held_max = 0;
  std::string heard;
  core.run(sleepy(core.proactor, pair.ours, held_max, heard));
  peer.join();
  EXPECT_EQ(heard, sent);
  EXPECT_LE(held_max, 512U << 10) << "bounded by what the ring receives until a cancel takes effect";
}

Task<void> wait_once(Proactor& proactor, Descriptor socket, Duration until, Ending& ended, Connection** out = nullptr) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  if (out) *out = &connection;
  ended = co_await connection.more(proactor.now() + until);
  co_await connection.close(true, milliseconds(100));
}

TEST(Connection, SilenceEndsAtTheDeadlineAndNotBefore) {
  OneCore core;
  SocketPair pair;
  Ending ended = Ending::none;
  const auto before = std::chrono::steady_clock::now();
  core.run(wait_once(core.proactor, pair.ours, milliseconds(80), ended));
  EXPECT_EQ(ended, Ending::timed_out);
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(80));
}

struct DoomLater final : Timer {
  Connection** connection = nullptr;
  void fired() noexcept override { (*connection)->doom(DoomReason::kicked); }
};

TEST(Connection, ADoomedConnectionWakesItsSession) {
  OneCore core;
  SocketPair pair;
  Ending ended = Ending::none;
  Connection* connection = nullptr;
  DoomLater later;
  later.connection = &connection;
  core.proactor.arm(later, core.proactor.now() + milliseconds(30));
  const auto before = std::chrono::steady_clock::now();
  core.run(wait_once(core.proactor, pair.ours, seconds(20), ended, &connection));
  EXPECT_EQ(ended, Ending::doomed);
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(2));
  EXPECT_EQ(read_all(pair.peer), "") << "FIN, not a reset";
}

Task<void> until_reset(Proactor& proactor, Descriptor socket, std::string& heard, Ending& ended) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  co_await Pause(proactor, proactor.now() + milliseconds(50));  // octets and reset are there together
  do {
    heard += text_of(connection.unread());
    connection.consume(connection.unread().size());
    ended = co_await connection.more(proactor.now() + seconds(5));
  } while (ended == Ending::none);
  const std::uint64_t before = connection.position();
  connection.put("lost");
  const Ending flushed = co_await connection.flushed(seconds(1));
  EXPECT_EQ(flushed, Ending::peer_reset);
  connection.put("thrown away");
  EXPECT_EQ(connection.position(), before) << "what follows a failure is not counted";
  EXPECT_FALSE(connection.acknowledged(before + 1));
  co_await connection.close(true, seconds(1));
}

// M6: what was received before an error is executed first.
TEST(Connection, WhatCameBeforeAResetIsStillHeard) {
  OneCore core;
  SocketPair pair;
  std::string heard;
  Ending ended = Ending::none;
  std::thread peer([&] {
    write_all(pair.peer, "QUIT\r\n");
    std::this_thread::sleep_for(milliseconds(20));
    const linger reset{1, 0};
    ::setsockopt(pair.peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    pair.hang_up();
  });
  core.run(until_reset(core.proactor, pair.ours, heard, ended));
  peer.join();
  EXPECT_EQ(heard, "QUIT\r\n");
  EXPECT_EQ(ended, Ending::peer_reset);
}

Task<void> say_goodbye(Proactor& proactor, Descriptor socket) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  connection.put(std::string(10000, 'x') + "bye\r\n");
  co_await connection.close(true, seconds(2));
}

TEST(Connection, OurLastOctetsSurviveAPeerThatStillTalks) {
  OneCore core;
  SocketPair pair;
  std::string heard;
  std::thread peer([&] {
    for (int i = 0; i < 20; ++i) {
      write_all(pair.peer, "NOOP\r\n");
      std::this_thread::sleep_for(milliseconds(2));
    }
    heard = read_all(pair.peer);
    ::shutdown(pair.peer, SHUT_WR);
  });
  core.run(say_goodbye(core.proactor, pair.ours));
  peer.join();
  EXPECT_EQ(heard, std::string(10000, 'x') + "bye\r\n");
}

// R070: the peer sees FIN within a second, also when it never closes itself.
TEST(Connection, AStubbornPeerSeesFinAtOnceAndIsLeftAfterASecond) {
  OneCore core;
  SocketPair pair;
  const auto before = std::chrono::steady_clock::now();
  Duration fin_after{};
  std::thread peer([&] {
    read_all(pair.peer);
    fin_after = std::chrono::steady_clock::now() - before;
  });
  core.run(say_goodbye(core.proactor, pair.ours));
  peer.join();
  EXPECT_LT(fin_after, milliseconds(500));
  EXPECT_LT(std::chrono::steady_clock::now() - before, milliseconds(1500));
}

}  // namespace
}  // namespace ringpost::ring
