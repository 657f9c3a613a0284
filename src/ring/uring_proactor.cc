#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ringpost/ring/uring_proactor.h>

#include "uring_loop.h"

namespace ringpost::ring {

namespace {

std::int64_t result_of(std::int64_t result) noexcept {
  return result < 0 ? -errno : result;
}

}  // namespace

UringProactor::UringProactor(Cores& all, Pools pools, const UringOptions& options)
    : loop_(std::make_unique<Loop>(all, pools, options)) {}
UringProactor::~UringProactor() = default;

void UringProactor::run() {
  loop_->run(false);
}
void UringProactor::run_until_idle() {
  loop_->run(true);
}
void UringProactor::stop() noexcept {
  loop_->stop();
}
const CoreCounters& UringProactor::counters() const noexcept {
  return loop_->counters;
}
std::uint32_t UringProactor::in_flight() const noexcept {
  return loop_->table.in_flight();
}
std::uint32_t UringProactor::lent_buffers() const noexcept {
  return loop_->lent;
}

CoreIndex UringProactor::core() const noexcept {
  return loop_->options.core;
}
std::uint32_t UringProactor::cores() const noexcept {
  return loop_->cores.count();
}
Instant UringProactor::now() const noexcept {
  return loop_->now;
}
WallTime UringProactor::wall() const noexcept {
  return loop_->wall();
}
void UringProactor::fill_random(MutableOctets octets) noexcept {
  loop_->fill_random(octets);
}
void UringProactor::start(Operation& operation) noexcept {
  loop_->start(operation);
}
void UringProactor::cancel(Operation& operation) noexcept {
  loop_->cancel(operation);
}
void UringProactor::return_buffer(std::uint16_t buffer) noexcept {
  loop_->return_buffer(buffer);
}
void UringProactor::arm(Timer& timer, Instant due) noexcept {
  loop_->timers.arm(timer, due);
}
void UringProactor::disarm(Timer& timer) noexcept {
  loop_->timers.disarm(timer);
}
void UringProactor::post(CoreIndex to, Message& message) noexcept {
  loop_->post(to, message);
}
void UringProactor::close(Descriptor descriptor) noexcept {
  loop_->close(descriptor);
}

WallTime UringProactor::Loop::wall() noexcept {
  if (!wall_known_) {
    timespec at{};
    clock_gettime(CLOCK_REALTIME, &at);
    wall_ = {at.tv_sec * std::int64_t{1'000'000} + at.tv_nsec / 1000};
    wall_known_ = true;
  }
  return wall_;
}

// A system call for 512 octets at a time; what was given out is wiped here.
void UringProactor::Loop::fill_random(MutableOctets octets) noexcept {
  while (!octets.empty()) {
    if (random_left_ == 0) {
      ++counters.direct_calls;
      const auto got = getrandom(random_.data(), random_.size(), 0);
      ensure(got == static_cast<ssize_t>(random_.size()) || errno == EINTR);
      if (got > 0) random_left_ = static_cast<std::size_t>(got);
      continue;
    }
    const std::size_t count = std::min(octets.size(), random_left_);
    std::byte* from = random_.data() + random_left_ - count;
    std::memcpy(octets.data(), from, count);
    explicit_bzero(from, count);
    random_left_ -= count;
    octets = octets.subspan(count);
  }
}

std::int64_t UringProactor::send_now(Descriptor socket, Octets octets) noexcept {
  ++loop_->counters.direct_calls;
  return result_of(::send(socket, octets.data(), octets.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

std::int64_t UringProactor::send_file_now(Descriptor socket, Descriptor file, std::uint64_t offset,
                                          std::uint64_t octets) noexcept {
  ++loop_->counters.direct_calls;
  auto from = static_cast<off_t>(offset);
  return result_of(::sendfile(socket, file, &from, octets));
}

std::int64_t UringProactor::peek_unacknowledged(Descriptor socket) noexcept {
  ++loop_->counters.direct_calls;
  int octets = 0;
  return ::ioctl(socket, SIOCOUTQ, &octets) == 0 ? octets : -errno;
}

PeerState UringProactor::peek_peer(Descriptor socket) noexcept {
  ++loop_->counters.direct_calls;
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return {};
  return {true, info.tcpi_probes, info.tcpi_retransmits, std::chrono::milliseconds(info.tcpi_last_ack_recv)};
}

void UringProactor::begin_probing(Descriptor socket) noexcept {
  loop_->counters.direct_calls += 3;
  const int on = 1;
  const int second = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &second, sizeof second);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &second, sizeof second);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

int UringProactor::peek_address(Descriptor socket, bool peer, sockaddr_storage& address) noexcept {
  ++loop_->counters.direct_calls;
  socklen_t length = sizeof address;
  auto* where = reinterpret_cast<sockaddr*>(&address);
  const int result = peer ? ::getpeername(socket, where, &length) : ::getsockname(socket, where, &length);
  return result == 0 ? 0 : -errno;
}

int UringProactor::finish_sending(Descriptor socket) noexcept {
  ++loop_->counters.direct_calls;
  return ::shutdown(socket, SHUT_WR) == 0 ? 0 : -errno;
}

int UringProactor::reset_on_close(Descriptor socket) noexcept {
  ++loop_->counters.direct_calls;
  const linger reset{1, 0};
  return ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0 ? 0 : -errno;
}

std::int64_t UringProactor::read_now(Descriptor file, std::uint64_t offset, MutableOctets octets) noexcept {
  ++loop_->counters.direct_calls;
  const iovec vector{octets.data(), octets.size()};
  return result_of(::preadv2(file, &vector, 1, static_cast<off_t>(offset), RWF_NOWAIT));
}

Mapping UringProactor::map(Descriptor file, std::uint64_t length) noexcept {
  ++loop_->counters.direct_calls;
  void* address = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, file, 0);
  if (address == MAP_FAILED) return {};
  return {address, length};
}

void UringProactor::unmap(Mapping mapping) noexcept {
  if (!mapping.address) return;
  ++loop_->counters.direct_calls;
  ::munmap(mapping.address, mapping.length);
}

bool UringProactor::peek_resident(const Mapping& mapping, std::uint64_t offset, std::uint64_t length) noexcept {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::array<unsigned char, 128> pages;
  if (length == 0) return true;
  if (!mapping.address || offset + length > mapping.length) return false;
  std::uint64_t at = offset / page * page;
  const std::uint64_t end = offset + length;
  while (at < end) {
    const std::uint64_t count = std::min<std::uint64_t>(pages.size(), (end - at + page - 1) / page);
    ++loop_->counters.direct_calls;
    if (::mincore(static_cast<std::byte*>(mapping.address) + at, count * page, pages.data()) != 0) return false;
    for (std::uint64_t i = 0; i < count; ++i)
      if (!(pages[i] & 1)) return false;
    at += count * page;
  }
  return true;
}

}  // namespace ringpost::ring
