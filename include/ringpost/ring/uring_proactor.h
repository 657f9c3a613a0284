// ringpost/ring/uring_proactor.h: the Proactor of a real core, over one io_uring.
//
// Floor: Linux 6.1. What newer kernels do better is found out when the ring is made, never assumed. One system call a
// turn submits everything that was started in it and waits for what comes next. File operations without an opcode, and
// those that may block where the ring would run them, go to the files pool.
// Lifetime: made by any thread, runs on the one that calls run(), destroyed when run() has returned and nothing is in
// flight (insisted on). Cores and pools outlive it.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <ringpost/ring/core_counters.h>
#include <ringpost/ring/cores.h>
#include <ringpost/ring/proactor.h>
#include <ringpost/ring/worker_pool.h>

namespace ringpost::ring {

struct UringOptions {
  CoreIndex core{};
  int cpu = -1;                         // run() pins its thread to it; -1: it runs where it is
  std::uint32_t submissions = 1024;     // entries; a fuller turn submits in between
  std::uint32_t completions = 8192;     // entries; the kernel keeps what does not fit
  std::uint32_t receive_buffers = 1024; // lent to receives, a power of two
  std::uint32_t receive_buffer_octets = 1024;
  std::uint32_t file_workers = 0;  // the ring's own threads for files; 0: the kernel's default
  bool watch_switches = false;     // one getrusage a turn: counts voluntary context switches
};

// The two pools, shared by all cores. A job for a missing one completes with -EBUSY.
struct Pools {
  WorkerPool* credentials = nullptr;
  WorkerPool* files = nullptr;
};

class UringProactor final : public Proactor {
 public:
  // Throws std::runtime_error with a sentence that names what is missing: kernel too old, io_uring switched off by
  // sysctl, forbidden by seccomp, too few descriptors, too little memory.
  UringProactor(Cores&, Pools, const UringOptions&);
  ~UringProactor() override;

  // Turns until stop(). What is in flight then stays in flight: let sessions end first, or run() again.
  void run();
  // Turns until nothing is in flight, no timer armed and no message waiting, or stop() was called (tests, shutdown).
  void run_until_idle();
  // Any thread, also a signal handler: run() returns after its turn.
  void stop() noexcept;

  const CoreCounters& counters() const noexcept;
  std::uint32_t in_flight() const noexcept;
  std::uint32_t lent_buffers() const noexcept;

  CoreIndex core() const noexcept override;
  std::uint32_t cores() const noexcept override;
  Instant now() const noexcept override;
  WallTime wall() const noexcept override;
  void fill_random(MutableOctets) noexcept override;
  void start(Operation&) noexcept override;
  void cancel(Operation&) noexcept override;
  void return_buffer(std::uint16_t buffer) noexcept override;
  void arm(Timer&, Instant due) noexcept override;
  void disarm(Timer&) noexcept override;
  void post(CoreIndex to, Message&) noexcept override;
  std::int64_t send_now(Descriptor socket, Octets) noexcept override;
  std::int64_t send_file_now(Descriptor socket, Descriptor file, std::uint64_t offset,
                             std::uint64_t octets) noexcept override;
  std::int64_t peek_unacknowledged(Descriptor socket) noexcept override;
  PeerState peek_peer(Descriptor socket) noexcept override;
  void begin_probing(Descriptor socket) noexcept override;
  int peek_address(Descriptor socket, bool peer, sockaddr_storage&) noexcept override;
  int finish_sending(Descriptor socket) noexcept override;
  int reset_on_close(Descriptor socket) noexcept override;
  void close(Descriptor) noexcept override;
  std::int64_t read_now(Descriptor file, std::uint64_t offset, MutableOctets) noexcept override;
  Mapping map(Descriptor file, std::uint64_t length) noexcept override;
  void unmap(Mapping) noexcept override;
  bool peek_resident(const Mapping&, std::uint64_t offset, std::uint64_t length) noexcept override;

 private:
  class Loop;  // src/ring/uring_loop.h
  std::unique_ptr<Loop> loop_;
};

}  // namespace ringpost::ring
