#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

#include <ringpost/ring/cores.h>

namespace ringpost::ring {

namespace {

// Not non-blocking for a core: the ring's read would fail instead of waiting.
Descriptor new_eventfd(int flags) {
  const int fd = ::eventfd(0, EFD_CLOEXEC | flags);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

void raise(Descriptor eventfd) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(eventfd, &one, sizeof one);
}

}  // namespace

Cores::Cores(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    cores_.push_back(std::make_unique<Core>());
    cores_.back()->wake = new_eventfd(0);
  }
}

Cores::~Cores() {
  for (auto& core : cores_) ::close(core->wake);
}

void Cores::wake(CoreIndex core) noexcept {
  raise(cores_[core.value]->wake);
}

void Cores::post_from_outside(CoreIndex to, Message& message) noexcept {
  if (queue(to).post(message)) wake(to);
}

Outside::Outside() : wake_(new_eventfd(EFD_NONBLOCK)) {
  ensure(queue_.fall_asleep());
}

Outside::~Outside() {
  ::close(wake_);
}

void Outside::post(Message& message) noexcept {
  if (queue_.post(message)) raise(wake_);
}

std::size_t Outside::deliver_all() noexcept {
  std::uint64_t raised = 0;
  [[maybe_unused]] const auto got = ::read(wake_, &raised, sizeof raised);
  queue_.woken();
  std::size_t delivered = 0;
  do {
    delivered += queue_.deliver_all();
  } while (!queue_.fall_asleep());
  return delivered;
}

}  // namespace ringpost::ring
