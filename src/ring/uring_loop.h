// uring_loop.h: one core's ring and everything that turns with it.
//
// Split over files by subject: uring_start.cc (making the ring, and why it could not be made), uring_loop.cc (turns and
// completions), uring_operations.cc (operations to submissions), uring_proactor.cc (what happens at once).
#pragma once

#include <array>
#include <ctime>
#include <liburing.h>
#include <memory>
#include <utility>
#include <vector>

#include <ringpost/ring/operation_table.h>
#include <ringpost/ring/timer_wheel.h>
#include <ringpost/ring/uring_proactor.h>

#include "pool_task.h"

namespace ringpost::ring {

// What a submission points at besides the operation's own memory; it lives until the completion.
struct Beside {
  msghdr message{};
  struct statx status{};
  std::string path;
};

inline Instant read_clock() noexcept {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);  // from the vDSO: no system call
  return Instant{Duration{at.tv_sec * std::int64_t{1'000'000'000} + at.tv_nsec}};
}

inline constexpr unsigned short receive_buffer_group = 0;

class UringProactor::Loop {
 public:
  Loop(Cores&, Pools, const UringOptions&);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run(bool until_idle);
  void stop() noexcept;

  void start(Operation&) noexcept;
  void cancel(Operation&) noexcept;
  void close(Descriptor) noexcept;
  void post(CoreIndex to, Message&) noexcept;
  void return_buffer(std::uint16_t) noexcept;
  void fill_random(MutableOctets) noexcept;
  WallTime wall() noexcept;
  void finished_in_pool(PoolTask&) noexcept;

  Cores& cores;
  const UringOptions options;
  CoreCounters counters;
  OperationTable table;
  Instant now;
  TimerWheel timers;
  std::uint32_t lent = 0;

 private:
  // Completions of our own, told apart by the tag's upper half.
  enum class Own : std::uint32_t { ignored, woken, wake_failed, time_is_up };
  static std::uint64_t own_tag(Own what, std::uint32_t value = 0) noexcept {
    return std::uint64_t{static_cast<std::uint32_t>(what) << 24 | value} << 32 | OperationTable::foreign_slot;
  }
  struct Due {
    Operation* operation;
    std::int64_t result;
  };

  // uring_start.cc
  void make_ring();
  void make_buffers();
  void find_out_what_it_can();

  // uring_loop.cc
  void begin();
  void end() noexcept;
  void turn() noexcept;
  void submit_and_wait() noexcept;
  void take_completions() noexcept;
  void take_own(std::uint64_t tag, int result) noexcept;
  void take(Operation&, const io_uring_cqe&) noexcept;
  void take_due() noexcept;
  void watch(Instant began) noexcept;
  bool idle() const noexcept;
  void arm_wake() noexcept;
  void arm_alarm(Instant due) noexcept;
  void arm_starved() noexcept;
  void complete(Operation&, const Completion&) noexcept;  // the last one

  // uring_operations.cc
  io_uring_sqe& submission() noexcept;
  void submit(Operation&, std::uint64_t tag) noexcept;
  void submit_file(Operation&, io_uring_sqe&) noexcept;
  void submit_send(Operation&, io_uring_sqe&) noexcept;
  void submit_receive(Operation&, std::uint64_t tag, bool poll_first) noexcept;
  void to_pool(Operation&) noexcept;
  bool in_pool(OpKind) const noexcept;
  Beside& beside(const Operation&);
  void leave_beside(const Operation&) noexcept;
  void hold(Descriptor, int change) noexcept;
  bool held(Descriptor) const noexcept;

  Pools pools_;
  io_uring ring_{};
  io_uring_buf_ring* buffer_ring_ = nullptr;
  std::unique_ptr<std::byte[]> buffers_;
  std::uint64_t wake_value_ = 0;
  std::atomic<bool> stopping_{false};
  Instant alarm_ = Instant::max();  // when the ring's one timeout ends; max: none is in flight
  __kernel_timespec alarm_time_{};
  bool enabled_ = false, running_ = false, ring_truncates_ = false;
  bool wall_known_ = false;
  WallTime wall_{};
  std::vector<Due> due_, due_now_;               // complete in the next turn
  std::vector<Operation*> starved_;              // receives that wait for a free buffer, in order
  std::vector<std::uint32_t> holds_;             // by descriptor: operations in flight on it
  std::vector<bool> is_file_;                    // by descriptor: came from `open`
  std::vector<std::unique_ptr<Beside>> beside_;  // by slot
  std::vector<std::unique_ptr<Beside>> spare_beside_;
  std::vector<std::unique_ptr<PoolTask>> spare_tasks_;
  std::array<std::byte, 512> random_{};
  std::size_t random_left_ = 0;
};

}  // namespace ringpost::ring
