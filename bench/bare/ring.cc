// bench/bare/ring.cc: the second yardstick, the same canned answers from an io_uring loop: multishot accept
// (Linux 5.19), multishot receive into a provided buffer ring (6.0), plain sends. One submission call a turn.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fmt/format.h>
#include <liburing.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "canned.h"

namespace ringpost::bare {
namespace {

enum Operation : std::uint64_t { receiving = 0, sending = 1, accepting = 2 };

// Freed when closed and nothing of it is in flight any more.
struct Connection {
  int fd;
  Conversation conversation;
  std::string input;
  std::string_view unsent;
  int in_flight = 0;
  bool closed = false;
};

class Loop {
 public:
  Loop(const Corpus& corpus, int listener) : corpus_(corpus), listener_(listener) {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    params.cq_entries = 16384;
    if (int error = io_uring_queue_init_params(4096, &ring_, &params); error != 0)
      throw std::system_error(-error, std::generic_category(), "io_uring_setup");
    int error = 0;
    buffers_ = io_uring_setup_buf_ring(&ring_, buffer_count, group, 0, &error);
    if (buffers_ == nullptr) throw std::system_error(-error, std::generic_category(), "buffer ring");
    for (unsigned i = 0; i < buffer_count; ++i) offer(i);
    publish_offers();
    arm_accept();
  }

  [[noreturn]] void run() {
    while (true) {
      io_uring_submit_and_wait(&ring_, 1);
      unsigned head = 0, count = 0;
      io_uring_cqe* cqe = nullptr;
      io_uring_for_each_cqe(&ring_, head, cqe) {
        handle(*cqe);
        ++count;
      }
      io_uring_cq_advance(&ring_, count);
      if (offered_ > 0) publish_offers();
    }
  }

 private:
  static constexpr unsigned buffer_count = 512;
  static constexpr unsigned buffer_octets = 4096;
  static constexpr int group = 1;

  io_uring_sqe* entry() {
    auto* sqe = io_uring_get_sqe(&ring_);
    if (sqe != nullptr) return sqe;
    io_uring_submit(&ring_);
    return io_uring_get_sqe(&ring_);
  }
  void offer(unsigned id) {
    io_uring_buf_ring_add(buffers_, memory_.data() + id * buffer_octets, buffer_octets, static_cast<unsigned short>(id),
                          io_uring_buf_ring_mask(buffer_count), static_cast<int>(offered_++));
  }
  void publish_offers() {
    io_uring_buf_ring_advance(buffers_, static_cast<int>(offered_));
    offered_ = 0;
  }
  void arm_accept() {
    auto* sqe = entry();
    io_uring_prep_multishot_accept(sqe, listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, accepting);
  }
  void arm_receive(Connection& connection) {
    auto* sqe = entry();
    io_uring_prep_recv_multishot(sqe, connection.fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = group;
    io_uring_sqe_set_data64(sqe, reinterpret_cast<std::uint64_t>(&connection) | receiving);
    ++connection.in_flight;
  }
  void submit_send(Connection& connection) {
    auto* sqe = entry();
    io_uring_prep_send(sqe, connection.fd, connection.unsent.data(), connection.unsent.size(),
                       MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_data64(sqe, reinterpret_cast<std::uint64_t>(&connection) | sending);
    ++connection.in_flight;
  }

  void handle(const io_uring_cqe& cqe) {
    auto operation = static_cast<Operation>(cqe.user_data & 3);
    if (operation == accepting) {
      if (cqe.res >= 0) welcome(cqe.res);
      if (!(cqe.flags & IORING_CQE_F_MORE)) arm_accept();
      return;
    }
    auto& connection = *reinterpret_cast<Connection*>(cqe.user_data & ~std::uint64_t{3});
    if (operation == receiving)
      received(connection, cqe);
    else
      sent(connection, cqe.res);
    if (connection.closed && connection.in_flight == 0) {
      close(connection.fd);
      delete &connection;
    }
  }

  void welcome(int fd) {
    auto* connection = new Connection{.fd = fd, .conversation = {}, .input = {}, .unsent = greeting};
    submit_send(*connection);
    arm_receive(*connection);
  }

  void received(Connection& connection, const io_uring_cqe& cqe) {
    bool more = cqe.flags & IORING_CQE_F_MORE;
    if (!more) --connection.in_flight;
    if (cqe.flags & IORING_CQE_F_BUFFER) {
      auto id = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
      if (cqe.res > 0) connection.input.append(memory_.data() + id * buffer_octets, static_cast<std::size_t>(cqe.res));
      offer(id);
    }
    if (cqe.res <= 0 && cqe.res != -ENOBUFS) return end(connection);
    if (!more && !connection.closed) arm_receive(connection);
    if (connection.unsent.empty()) answer(connection);
  }

  void sent(Connection& connection, int result) {
    --connection.in_flight;
    if (result < 0) return end(connection);
    connection.unsent.remove_prefix(static_cast<std::size_t>(result));
    if (!connection.unsent.empty()) return submit_send(connection);
    if (connection.conversation.over()) return end(connection);
    answer(connection);
  }

  void answer(Connection& connection) {
    if (connection.closed) return;
    std::string_view rest = connection.input;
    connection.unsent = connection.conversation.answer(corpus_, rest);
    connection.input.erase(0, connection.input.size() - rest.size());
    if (!connection.unsent.empty()) submit_send(connection);
  }

  // The armed receive still holds the connection: shutting down ends it, and its completion closes the descriptor.
  static void end(Connection& connection) {
    if (!connection.closed && connection.in_flight > 0) shutdown(connection.fd, SHUT_RDWR);
    connection.closed = true;
  }

  const Corpus& corpus_;
  int listener_;
  io_uring ring_{};
  io_uring_buf_ring* buffers_ = nullptr;
  std::vector<char> memory_ = std::vector<char>(buffer_count * buffer_octets);
  unsigned offered_ = 0;  // given back, not yet shown to the kernel
};

}  // namespace
}  // namespace ringpost::bare

int main(int argc, char** argv) try {
  using namespace ringpost::bare;
  auto arguments = arguments_of(argc, argv);
  auto corpus = Corpus::load(arguments.corpus);
  int listener = listen_pinned(arguments.port, arguments.cpu);
  Loop loop{corpus, listener};
  fmt::print("ready\n");
  std::fflush(stdout);
  loop.run();
} catch (const std::exception& error) {
  fmt::print(stderr, "bare-ring: {}\n", error.what());
  return 1;
}
