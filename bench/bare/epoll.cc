// bench/bare/epoll.cc: the yardstick. One thread, one epoll, canned POP3 answers, as few system calls as that allows.
#include <array>
#include <cstdio>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "canned.h"

namespace ringpost::bare {
namespace {

struct Connection {
  int fd;
  Conversation conversation;
  std::string input;        // what is left of an unfinished line, or waits behind an unfinished answer
  std::string_view unsent;  // the rest of the answer under way
  bool wants_to_write = false;
};

class Loop {
 public:
  Loop(const Corpus& corpus, int listener)
      : corpus_(corpus), listener_(listener), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    while (true) {
      int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (connection == nullptr) {
          accept_all();
        } else if (!step(*connection, events[static_cast<std::size_t>(i)].events)) {
          close(connection->fd);
          delete connection;
        }
      }
    }
  }

 private:
  void accept_all() {
    while (true) {
      int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      auto* connection = new Connection{.fd = fd, .conversation = {}, .input = {}, .unsent = {}};
      epoll_event event{.events = EPOLLIN, .data = {.ptr = connection}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
      send(fd, greeting.data(), greeting.size(), MSG_NOSIGNAL);
    }
  }

  // False when the connection is to be closed.
  bool step(Connection& connection, std::uint32_t events) {
    if (events & EPOLLOUT) {
      if (!flush(connection)) return false;
      if (!connection.unsent.empty()) return true;
      watch(connection, false);
      auto rest = std::move(connection.input);
      connection.input.clear();
      return take(connection, rest);
    }
    std::array<char, 4096> buffer;
    auto got = recv(connection.fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    std::string_view octets{buffer.data(), static_cast<std::size_t>(got)};
    if (connection.input.empty()) return take(connection, octets);
    auto whole = std::move(connection.input);
    whole += octets;
    connection.input.clear();
    return take(connection, whole);
  }

  bool take(Connection& connection, std::string_view octets) {
    while (!connection.conversation.over()) {
      connection.unsent = connection.conversation.answer(corpus_, octets);
      if (connection.unsent.empty()) break;
      if (!flush(connection)) return false;
      if (!connection.unsent.empty()) {
        watch(connection, true);
        break;
      }
    }
    if (connection.conversation.over()) return false;
    connection.input.assign(octets);
    return true;
  }

  static bool flush(Connection& connection) {
    auto sent = send(connection.fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    connection.unsent.remove_prefix(static_cast<std::size_t>(sent));
    return true;
  }

  void watch(Connection& connection, bool write) {
    epoll_event event{.events = write ? EPOLLOUT : EPOLLIN, .data = {.ptr = &connection}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
  }

  const Corpus& corpus_;
  int listener_;
  int epoll_;
};

}  // namespace
}  // namespace ringpost::bare

int main(int argc, char** argv) try {
  using namespace ringpost::bare;
  auto arguments = arguments_of(argc, argv);
  auto corpus = Corpus::load(arguments.corpus);
  Loop loop{corpus, listen_pinned(arguments.port, arguments.cpu)};
  fmt::print("ready\n");
  std::fflush(stdout);
  loop.run();
} catch (const std::exception& error) {
  fmt::print(stderr, "bare-epoll: {}\n", error.what());
  return 1;
}
