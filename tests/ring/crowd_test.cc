// Many connections at once: too few receive buffers (R069), nothing left behind (R070).

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <filesystem>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <thread>

#include <ringpost/ring/listen.h>

#include "one_core.h"
#include "peer.h"

namespace ringpost::ring {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::uint32_t one_cpu[] = {0};

// Accepts and answers every line with "+OK <line>"; QUIT ends a session.
class LineServer {
 public:
  explicit LineServer(OneCore& core) : core_(core), acceptor_(*this) {
    auto group = open_listening_group({"127.0.0.1", 0}, one_cpu);
    listening_ = group.value().front();
    acceptor_.kind = OpKind::accept;
    acceptor_.fd = listening_;
    core_.proactor.start(acceptor_);
  }
  std::uint16_t port() const { return port_of(listening_); }
  Gate& gate() { return core_.gate; }
  std::uint64_t ended = 0;

  // On the core: takes no more, so that run_until_idle() returns when the sessions have ended.
  void finish() { core_.proactor.cancel(acceptor_); }
  void close() { ::close(listening_); }
  std::uint64_t end_after = ~std::uint64_t{0};

 private:
  struct Acceptor final : Operation {
    explicit Acceptor(LineServer& owner) : server(owner) {}
    LineServer& server;
    void completed(const Completion& completion) noexcept override {
      if (completion.result >= 0) {
        spawn(server.gate(), server.serve(static_cast<Descriptor>(completion.result)));
      }
    }
  };

  Task<void> serve(Descriptor socket) {
    SendCounters counters;
    Connection connection(core_.proactor, socket, {}, counters);
    connection.put("+OK ready\r\n");
    Ending ending = Ending::none;
    bool over = false;
    while (ending == Ending::none && !over) {
      const std::string_view text = text_of(connection.unread());
      const auto end = text.find("\r\n");
      if (end == std::string_view::npos) {
        ending = co_await connection.more(core_.proactor.now() + seconds(20));
        continue;
      }
      over = text.substr(0, end) == "QUIT";
      if (connection.room() < end + 10) ending = co_await connection.flushed(seconds(20));
      const std::string_view line = text_of(connection.unread()).substr(0, end);
      if (connection.room() >= line.size() + 10) {
        connection.put("+OK ");
        connection.put(line);
        connection.put("\r\n");
      }
      connection.consume(end + 2);
    }
    co_await connection.close(ending == Ending::none || ending == Ending::peer_finished, seconds(5));
    if (++ended == end_after) finish();
  }

  OneCore& core_;
  Descriptor listening_ = no_descriptor;
  Acceptor acceptor_;
};

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  return fd;
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

// As many clients as two descriptors each allow, 2,000 at most.
std::size_t clients_possible() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return std::min<std::size_t>(2000, limit.rlim_cur / 2 - 50);
}

// R069: four receive buffers, 2,000 clients that send at once, some of them 8 KiB of pipelined commands.
TEST(Crowd, TooFewReceiveBuffersSlowButCutNobody) {
  UringOptions options;
  options.receive_buffers = 4;
  options.receive_buffer_octets = 512;
  OneCore core(options);
  LineServer server(core);
  const std::size_t clients = clients_possible();
  server.end_after = clients;
  std::size_t exact = 0;
  std::thread crowd([&] {
    std::vector<int> sockets;
    for (std::size_t i = 0; i < clients; ++i) sockets.push_back(connect_to(server.port()));
    std::string pipelined;
    while (pipelined.size() < 8000) pipelined += "CAPA " + std::to_string(pipelined.size()) + "\r\n";
    for (std::size_t i = 0; i < clients; ++i) write_all(sockets[i], (i % 50 ? "CAPA\r\n" : pipelined) + "QUIT\r\n");
    std::string expected_pipelined = "+OK ready\r\n";
    for (std::size_t at = 0; at < pipelined.size();) {
      const auto end = pipelined.find("\r\n", at);
      expected_pipelined += "+OK " + pipelined.substr(at, end - at) + "\r\n";
      at = end + 2;
    }
    for (std::size_t i = 0; i < clients; ++i) {
      const std::string heard = read_all(sockets[i]);
      exact += heard == (i % 50 ? "+OK ready\r\n+OK CAPA\r\n" : expected_pipelined) + "+OK QUIT\r\n";
      ::close(sockets[i]);
    }
  });
  core.proactor.run_until_idle();
  crowd.join();
  EXPECT_EQ(exact, clients);
  EXPECT_GT(core.proactor.counters().receive_buffers_short, 0U);
  EXPECT_EQ(core.proactor.lent_buffers(), 0U);
  server.close();
}

// R070: sessions end in every way, thousands of times; no descriptor, buffer or operation is left.
TEST(Crowd, NothingIsLeftBehindHoweverSessionsEnd) {
  OneCore core;
  LineServer server(core);
  constexpr std::size_t rounds = 4000;
  server.end_after = rounds;
  const std::size_t before = open_descriptors();
  std::atomic<std::size_t> fins{0};
  std::thread clients([&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      const int fd = connect_to(server.port());
      switch (i % 5) {
        case 0: {  // QUIT, then waits for the end
          write_all(fd, "QUIT\r\n");
          fins += read_all(fd) == "+OK ready\r\n+OK QUIT\r\n";
          break;
        }
        case 1:  // QUIT, closes at once
          write_all(fd, "QUIT\r\n");
          break;
        case 2: {  // reset with a receive pending
          const linger reset{1, 0};
          ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
          break;
        }
        case 3:  // half-closed
          ::shutdown(fd, SHUT_WR);
          fins += read_all(fd) == "+OK ready\r\n";
          break;
        default:  // gone while answers are being sent
          for (int n = 0; n < 10; ++n) write_all(fd, "NOOP\r\nNOOP\r\nNOOP\r\n");
      }
      ::close(fd);
    }
  });
  core.proactor.run_until_idle();
  clients.join();
  EXPECT_EQ(server.ended, rounds);
  EXPECT_EQ(fins.load(), rounds / 5 * 2);
  EXPECT_EQ(core.gate.count(), 0U);
  EXPECT_EQ(core.proactor.in_flight(), 0U);
  EXPECT_EQ(core.proactor.lent_buffers(), 0U);
  EXPECT_EQ(open_descriptors(), before);
  server.close();
}

}  // namespace
}  // namespace ringpost::ring
