// bench/ring/send_bench.cc: what the ways out cost by size (DESIGN section 5): CPU time of the sending thread an
// answer.
//
// A loopback TCP pair; a second thread throws away what arrives. The file is in the page cache. This is what the
// threshold between sendfile and a gathered NOWAIT read stands on.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <ringpost/base/ensure.h>

namespace ringpost::ring {
namespace {

constexpr std::size_t file_octets = 8 << 20;

// A connected pair whose far end is drained by a thread of its own.
class Sink {
 public:
  Sink() {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ensure(bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0 && listen(listener, 1) == 0);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    near_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(connect(near_, reinterpret_cast<sockaddr*>(&address), length) == 0);
    far_ = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    close(listener);
    int one = 1;
    setsockopt(near_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    drain_ = std::thread{[this] {
      std::vector<char> buffer(1 << 20);
      while (recv(far_, buffer.data(), buffer.size(), MSG_TRUNC) > 0) continue;
    }};
  }
  ~Sink() {
    shutdown(near_, SHUT_RDWR);
    drain_.join();
    close(near_);
    close(far_);
  }
  int socket_fd() const { return near_; }

 private:
  int near_ = -1, far_ = -1;
  std::thread drain_;
};

class MailFile {
 public:
  MailFile() {
    auto* folder = std::getenv("TMPDIR");
    std::string name = std::string{folder == nullptr ? "/tmp" : folder} + "/ringpost-send-bench.XXXXXX";
    fd_ = mkstemp(name.data());
    ensure(fd_ >= 0);
    unlink(name.c_str());
    std::string text(file_octets, 'x');
    ensure(pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    map_ = static_cast<char*>(mmap(nullptr, file_octets, PROT_READ, MAP_SHARED | MAP_POPULATE, fd_, 0));
  }
  ~MailFile() {
    munmap(map_, file_octets);
    close(fd_);
  }
  int fd() const { return fd_; }
  char* map() const { return map_; }

 private:
  int fd_ = -1;
  char* map_ = nullptr;
};

using Way = std::size_t (*)(const MailFile&, int socket, std::size_t offset, std::size_t octets,
                            std::vector<char>& buffer);

std::size_t by_sendfile(const MailFile& file, int socket, std::size_t offset, std::size_t octets, std::vector<char>&) {
  auto at = static_cast<off_t>(offset);
  return static_cast<std::size_t>(sendfile(socket, file.fd(), &at, octets));
}
std::size_t by_residency_and_sendfile(const MailFile& file, int socket, std::size_t offset, std::size_t octets,
                                      std::vector<char>& buffer) {
  auto page = offset & ~std::size_t{4095};
  std::vector<unsigned char> resident((offset + octets - page + 4095) / 4096);
  mincore(file.map() + page, offset + octets - page, resident.data());
  return by_sendfile(file, socket, offset, octets, buffer);
}
std::size_t by_read_and_send(const MailFile& file, int socket, std::size_t offset, std::size_t octets,
                             std::vector<char>& buffer) {
  iovec room{buffer.data(), octets};
  auto got = preadv2(file.fd(), &room, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  return got <= 0 ? 0
                  : static_cast<std::size_t>(send(socket, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL));
}
std::size_t by_mapping(const MailFile& file, int socket, std::size_t offset, std::size_t octets, std::vector<char>&) {
  return static_cast<std::size_t>(send(socket, file.map() + offset, octets, MSG_NOSIGNAL));
}

template <Way way>
void answer(benchmark::State& state) {
  static MailFile file;
  Sink sink;
  auto octets = static_cast<std::size_t>(state.range(0));
  std::vector<char> buffer(octets);
  std::size_t offset = 0;
  for (auto _ : state) {
    if (offset + octets > file_octets) offset = 0;
    for (std::size_t sent = 0; sent < octets;) {
      auto more = way(file, sink.socket_fd(), offset + sent, octets - sent, buffer);
      if (more == 0 || more > octets) {
        state.SkipWithError("sending failed");
        return;
      }
      sent += more;
    }
    offset += (octets + 63) / 64 * 64;
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  for (auto octets : {512, 1024, 2048, 4096, 8192, 16384, 65536, 262144}) benchmark->Arg(octets);
}
BENCHMARK(answer<by_sendfile>)->Name("sendfile")->Apply(sizes);
BENCHMARK(answer<by_residency_and_sendfile>)->Name("mincore, sendfile")->Apply(sizes);
BENCHMARK(answer<by_read_and_send>)->Name("NOWAIT read, send")->Apply(sizes);
BENCHMARK(answer<by_mapping>)->Name("send from mapping")->Apply(sizes);

}  // namespace
}  // namespace ringpost::ring
