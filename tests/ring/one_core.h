// one_core.h: a core of the real kernel for tests: ring, pools, a folder that goes away.
#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <ringpost/ring/awaitables.h>
#include <ringpost/ring/connection.h>
#include <ringpost/ring/task.h>
#include <ringpost/ring/uring_proactor.h>

namespace ringpost::ring {

struct OneCore {
  explicit OneCore(const UringOptions& options = {}) : proactor(cores, {&credentials, &files}, options) {}

  // Starts the task and turns until nothing is left to do.
  void run(Task<void> task) {
    spawn(gate, std::move(task));
    proactor.run_until_idle();
    EXPECT_EQ(gate.count(), 0U);
    EXPECT_EQ(proactor.in_flight(), 0U);
    EXPECT_EQ(proactor.lent_buffers(), 0U);
  }

  Cores cores{1};
  WorkerPool credentials{"credentials", 1, 4};
  WorkerPool files{"files", 2, 64};
  UringProactor proactor;
  Gate gate;
};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ringpost-test-XXXXXX").string();
    if (!mkdtemp(pattern.data())) std::abort();
    path_ = pattern;
    fd_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  ~TemporaryFolder() {
    ::close(fd_);
    std::filesystem::remove_all(path_);
  }
  Descriptor fd() const { return fd_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Descriptor fd_;
};

// Two ends of a TCP connection over loopback; ours is as accept gives it.
struct SocketPair {
  explicit SocketPair(int send_buffer = 0, int receive_buffer = 0) {
    const Descriptor listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer) ::setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (send_buffer) ::setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    if (::bind(listening, reinterpret_cast<sockaddr*>(&at), length) != 0 || ::listen(listening, 1) != 0 ||
        ::getsockname(listening, reinterpret_cast<sockaddr*>(&at), &length) != 0 ||
        ::connect(peer, reinterpret_cast<sockaddr*>(&at), length) != 0)
      std::abort();
    ours = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ::close(listening);
  }
  ~SocketPair() { hang_up(); }
  void hang_up() {
    if (peer >= 0) ::close(peer);
    peer = no_descriptor;
  }
  Descriptor ours;  // whoever serves it closes it
  Descriptor peer;
};

}  // namespace ringpost::ring
