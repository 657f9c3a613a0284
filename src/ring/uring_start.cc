#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <fstream>
#include <stdexcept>
#include <sys/utsname.h>

#include "uring_loop.h"

namespace ringpost::ring {

namespace {

std::string kernel_release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "of unknown version";
}

int disabled_by_sysctl() {
  int value = 0;
  std::ifstream("/proc/sys/kernel/io_uring_disabled") >> value;
  return value;
}

// What a person can do about it, by the error that io_uring_setup gave.
std::string why_no_ring(int error) {
  switch (error) {
    case ENOSYS:
      return fmt::format(
          "io_uring is not there: kernel {} was built without it, or a seccomp filter (container runtime, systemd's "
          "SystemCallFilter=) hides io_uring_setup; Ringpost needs Linux 6.1 or newer with io_uring allowed",
          kernel_release());
    case EPERM:
      if (const int value = disabled_by_sysctl(); value != 0)
        return fmt::format(
            "io_uring is switched off on this machine: sysctl kernel.io_uring_disabled is {}; set it to 0", value);
      return "io_uring is forbidden to this process: a seccomp filter or security module refuses io_uring_setup; allow "
             "io_uring_setup, io_uring_enter and io_uring_register";
    case EINVAL:
      return fmt::format("kernel {} is too old: Ringpost needs Linux 6.1 or newer (io_uring with DEFER_TASKRUN)",
                         kernel_release());
    case ENOMEM:
      return "too little memory for io_uring: raise the limit of locked memory (ulimit -l, LimitMEMLOCK=)";
    case EMFILE:
    case ENFILE:
      return "no descriptor left for io_uring: raise the limit of open files (ulimit -n, LimitNOFILE=)";
    default:
      return fmt::format("io_uring cannot be set up on kernel {}: {}", kernel_release(), std::strerror(error));
  }
}

}  // namespace

void UringProactor::Loop::make_ring() {
  io_uring_params parameters{};
  // Disabled until run(): the thread that enables it is the single issuer.
  parameters.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                     IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  parameters.cq_entries = options.completions;
  const int error = io_uring_queue_init_params(options.submissions, &ring_, &parameters);
  if (error < 0) throw std::runtime_error(why_no_ring(-error));
  const unsigned wanted = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_CQE_SKIP;
  if ((parameters.features & wanted) != wanted) {
    io_uring_queue_exit(&ring_);
    throw std::runtime_error(why_no_ring(EINVAL));
  }
  find_out_what_it_can();
}

void UringProactor::Loop::find_out_what_it_can() {
  io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
  if (!probe) return;
  ring_truncates_ = io_uring_opcode_supported(probe, IORING_OP_FTRUNCATE);  // Linux 6.9
  const bool enough = io_uring_opcode_supported(probe, IORING_OP_SEND_ZC);  // Linux 6.0; multishot receive is as old
  io_uring_free_probe(probe);
  if (!enough) {
    io_uring_queue_exit(&ring_);
    throw std::runtime_error(why_no_ring(EINVAL));
  }
}

void UringProactor::Loop::make_buffers() {
  const std::uint32_t count = options.receive_buffers;
  ensure(count > 0 && count <= 32768 && (count & (count - 1)) == 0);
  buffers_ = std::make_unique_for_overwrite<std::byte[]>(std::size_t{count} * options.receive_buffer_octets);
  int error = 0;
  buffer_ring_ = io_uring_setup_buf_ring(&ring_, count, receive_buffer_group, 0, &error);
  if (!buffer_ring_) {
    io_uring_queue_exit(&ring_);
    throw std::runtime_error(why_no_ring(-error));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    io_uring_buf_ring_add(buffer_ring_, buffers_.get() + std::size_t{i} * options.receive_buffer_octets,
                          options.receive_buffer_octets, static_cast<unsigned short>(i), io_uring_buf_ring_mask(count),
                          static_cast<int>(i));
  }
  io_uring_buf_ring_advance(buffer_ring_, static_cast<int>(count));
}

UringProactor::Loop::Loop(Cores& all_cores, Pools pools, const UringOptions& wanted)
    : cores(all_cores), options(wanted), now(read_clock()), timers(now), pools_(pools) {
  make_ring();
  make_buffers();
  if (options.file_workers > 0) {
    unsigned workers[2] = {options.file_workers, 0};
    io_uring_register_iowq_max_workers(&ring_, workers);
  }
  cores.ring(options.core).store(ring_.ring_fd, std::memory_order_release);
}

UringProactor::Loop::~Loop() {
  ensure(table.in_flight() == 0 && !running_);
  cores.ring(options.core).store(no_descriptor, std::memory_order_release);
  io_uring_free_buf_ring(&ring_, buffer_ring_, options.receive_buffers, receive_buffer_group);
  io_uring_queue_exit(&ring_);
}

}  // namespace ringpost::ring
