#include <cstring>
#include <string>

#include <ringpost/ring/connection.h>

#include "one_core.h"

namespace ringpost::ring {
namespace {

using std::chrono::seconds;

std::string read_all(Descriptor peer) {
  std::string all;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(peer, buffer, sizeof buffer)) > 0) all.append(buffer, static_cast<std::size_t>(got));
  return all;
}

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
  ASSERT_EQ(::write(pair.peer, "hello, core\r\n", 13), 13);
  ASSERT_EQ(::shutdown(pair.peer, SHUT_WR), 0);
  core.run(echo(core.proactor, pair.ours, counters, ended));
  EXPECT_EQ(ended, Ending::peer_finished);
  EXPECT_EQ(read_all(pair.peer), "hello, core\r\n");
  EXPECT_EQ(counters.octets_by_ring, 13U);
}

}  // namespace
}  // namespace ringpost::ring
