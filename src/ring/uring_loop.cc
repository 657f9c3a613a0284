#include "uring_loop.h"

#include <algorithm>
#include <csignal>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace ringpost::ring {

namespace {

constexpr Duration long_turn = std::chrono::milliseconds(5);

std::uint64_t voluntary_switches() noexcept {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_nvcsw);
}

__kernel_timespec timespec_of(Duration duration) noexcept {
  const std::int64_t ns = std::max<std::int64_t>(duration.count(), 0);
  return {ns / 1'000'000'000, ns % 1'000'000'000};
}

}  // namespace

void UringProactor::Loop::begin() {
  if (options.cpu >= 0) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(options.cpu, &only);
    sched_setaffinity(0, sizeof only, &only);  // refused: it runs where it may
  }
  // sendfile has no MSG_NOSIGNAL; EPIPE is all that we want to hear.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  running_ = true;
  if (!enabled_) {
    ensure(io_uring_enable_rings(&ring_) == 0);
    enabled_ = true;
    arm_wake();
  }
  io_uring_register_ring_fd(&ring_);
  now = read_clock();
}

void UringProactor::Loop::end() noexcept {
  io_uring_submit(&ring_);  // what was closed in the last turn
  io_uring_unregister_ring_fd(&ring_);
  running_ = false;
}

void UringProactor::Loop::run(bool until_idle) {
  begin();
  while (!stopping_.load(std::memory_order_acquire) && !(until_idle && idle())) turn();
  stopping_.store(false, std::memory_order_relaxed);
  end();
}

// Any thread. Whoever runs the loop may take it away as soon as it sees the word, so nothing of it is touched behind that.
void UringProactor::Loop::stop() noexcept {
  Cores& all = cores;
  const CoreIndex core = options.core;
  stopping_.store(true, std::memory_order_release);
  all.wake(core);
}

bool UringProactor::Loop::idle() const noexcept {
  return table.in_flight() == 0 && timers.armed() == 0 && cores.queue(options.core).empty();
}

// One turn: hand over what was started, wait, then give everybody who has something to do its turn.
void UringProactor::Loop::turn() noexcept {
  submit_and_wait();
  const std::uint64_t switches = options.watch_switches ? voluntary_switches() : 0;
  now = read_clock();
  wall_known_ = false;
  const Instant began = now;
  ++counters.turns;

  take_completions();
  counters.messages += cores.queue(options.core).deliver_all();
  take_due();
  timers.advance(now);
  arm_starved();

  watch(began);
  if (options.watch_switches) {
    const std::uint64_t added = voluntary_switches() - switches;
    counters.direct_calls += 2;
    counters.voluntary_switches += added;
    counters.turns_switched += added != 0;
  }
}

void UringProactor::Loop::watch(Instant began) noexcept {
  now = read_clock();
  const Duration took = now - began;
  counters.turns_long += took > long_turn;
  counters.turn_longest_ns = std::max(counters.turn_longest_ns, static_cast<std::uint64_t>(took.count()));
}

void UringProactor::Loop::submit_and_wait() noexcept {
  CoreQueue& queue = cores.queue(options.core);
  const Instant due = timers.next_due().value_or(Instant::max());
  if (due > now && due < alarm_) arm_alarm(due);
  counters.submissions += io_uring_sq_ready(&ring_);
  ++counters.ring_calls;
  // Either the queue is empty and whoever posts next wakes us, or we do not wait.
  if (!due_.empty() || due <= now || !queue.fall_asleep()) {
    io_uring_submit_and_get_events(&ring_);
    return;
  }
  io_uring_submit_and_wait(&ring_, 1);
  queue.woken();
}

void UringProactor::Loop::take_completions() noexcept {
  unsigned head = 0;
  unsigned taken = 0;
  io_uring_cqe* at = nullptr;
  io_uring_for_each_cqe(&ring_, head, at) {
    const io_uring_cqe completion = *at;
    ++taken;
    if (static_cast<std::uint32_t>(completion.user_data) == OperationTable::foreign_slot) {
      take_own(completion.user_data, completion.res);
    } else if (Operation* operation = table.find(completion.user_data)) {
      take(*operation, completion);
    } else {
      ++counters.late_completions;
      if (completion.flags & IORING_CQE_F_BUFFER) {
        ++lent;
        return_buffer(static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT));
      }
    }
  }
  io_uring_cq_advance(&ring_, taken);
  counters.completions += taken;
}

void UringProactor::Loop::take_own(std::uint64_t tag, int result) noexcept {
  const auto upper = static_cast<std::uint32_t>(tag >> 32);
  switch (static_cast<Own>(upper >> 24)) {
    case Own::ignored:
      break;
    case Own::woken:
      arm_wake();
      break;
    case Own::time_is_up:
      alarm_ = Instant::max();
      break;
    case Own::wake_failed:  // that ring could not be told: its eventfd can
      if (result < 0) {
        cores.wake(CoreIndex{upper & 0xffffff});
        ++counters.direct_calls;
      }
      break;
  }
}

void UringProactor::Loop::take(Operation& operation, const io_uring_cqe& cqe) noexcept {
  Completion completion{cqe.res, (cqe.flags & IORING_CQE_F_MORE) != 0};
  if (cqe.flags & IORING_CQE_F_BUFFER) {
    ++lent;
    completion.buffer = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
    completion.lent = true;
    completion.octets = {buffers_.get() + std::size_t{completion.buffer} * options.receive_buffer_octets,
                         static_cast<std::size_t>(std::max(cqe.res, 0))};
  }
  if (operation.kind == OpKind::accept && cqe.res >= 0) ++counters.accepted;
  if (completion.more) return operation.completed(completion);
  if (operation.kind == OpKind::receive && cqe.res == -ENOBUFS) {
    ++counters.receive_buffers_short;
    starved_.push_back(&operation);  // backpressure, not an error: armed again when buffers are back
    return;
  }
  complete(operation, completion);
}

void UringProactor::Loop::complete(Operation& operation, const Completion& completion) noexcept {
  if (operation.kind == OpKind::stat && completion.result >= 0) {
    const struct statx& status = beside(operation).status;
    *operation.info = {status.stx_size, status.stx_ino, status.stx_mode, status.stx_uid,
                       status.stx_mtime.tv_sec * 1'000'000 + status.stx_mtime.tv_nsec / 1000};
  }
  if (operation.kind == OpKind::open && completion.result >= 0) {
    const auto fd = static_cast<std::size_t>(completion.result);
    if (fd >= is_file_.size()) is_file_.resize(fd * 2 + 64);
    is_file_[fd] = true;
  }
  leave_beside(operation);
  hold(operation.fd, -1);
  hold(operation.fd2, -1);
  table.leave(operation);
  operation.completed(completion);
}

// What was put off to this turn; what is put off meanwhile waits for the next one.
void UringProactor::Loop::take_due() noexcept {
  if (due_.empty()) return;
  due_now_.clear();
  std::swap(due_, due_now_);
  for (const Due& due : due_now_) complete(*due.operation, {due.result});
}

void UringProactor::Loop::arm_wake() noexcept {
  io_uring_sqe& sqe = submission();
  io_uring_prep_read(&sqe, cores.wake_descriptor(options.core), &wake_value_, sizeof wake_value_, 0);
  sqe.user_data = own_tag(Own::woken);
}

// One timeout in the ring stands for the whole wheel; a timeout given with each wait costs 1.1 us a poll session. It
// only ever moves nearer: one that ends too early finds nothing due, and the next wait arms it anew.
void UringProactor::Loop::arm_alarm(Instant due) noexcept {
  alarm_time_ = timespec_of(due.time_since_epoch());
  io_uring_sqe& sqe = submission();
  if (alarm_ == Instant::max()) {
    io_uring_prep_timeout(&sqe, &alarm_time_, 0, IORING_TIMEOUT_ABS);
    sqe.user_data = own_tag(Own::time_is_up);
  } else {  // where it ended just now, its completion is on the way and arms the next one
    io_uring_prep_timeout_update(&sqe, &alarm_time_, own_tag(Own::time_is_up), IORING_TIMEOUT_ABS);
    sqe.user_data = own_tag(Own::ignored);
  }
  alarm_ = due;
}

// As many as there are buffers: more would only come back empty-handed.
void UringProactor::Loop::arm_starved() noexcept {
  if (starved_.empty()) return;
  const std::size_t arming = std::min<std::size_t>(starved_.size(), options.receive_buffers - lent);
  for (std::size_t i = 0; i < arming; ++i) submit_receive(*starved_[i], table.tag_of(*starved_[i]), false);
  starved_.erase(starved_.begin(), starved_.begin() + static_cast<std::ptrdiff_t>(arming));
}

void UringProactor::Loop::finished_in_pool(PoolTask& task) noexcept {
  Operation& operation = *task.operation;
  const std::int64_t result = task.result;
  task.operation = nullptr;
  spare_tasks_.emplace_back(&task);
  complete(operation, {result});
}

}  // namespace ringpost::ring
