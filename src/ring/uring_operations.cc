#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/stat.h>
#include <poll.h>
#include <unistd.h>

#include "uring_loop.h"

namespace ringpost::ring {

io_uring_sqe& UringProactor::Loop::submission() noexcept {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  for (int tries = 0; !sqe; ++tries) {
    ensure(enabled_ && tries < 1000);  // before run(): at most options.submissions
    ++counters.ring_calls;
    counters.submissions += io_uring_sq_ready(&ring_);
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
  }
  return *sqe;
}

void UringProactor::Loop::hold(Descriptor fd, int change) noexcept {
  if (fd < 0) return;
  if (static_cast<std::size_t>(fd) >= holds_.size()) holds_.resize(static_cast<std::size_t>(fd) * 2 + 64);
  holds_[static_cast<std::size_t>(fd)] += static_cast<std::uint32_t>(change);
}

bool UringProactor::Loop::held(Descriptor fd) const noexcept {
  return static_cast<std::size_t>(fd) < holds_.size() && holds_[static_cast<std::size_t>(fd)] != 0;
}

Beside& UringProactor::Loop::beside(const Operation& operation) {
  if (operation.slot >= beside_.size()) beside_.resize(operation.slot + 64);
  auto& place = beside_[operation.slot];
  if (!place) {
    if (spare_beside_.empty()) {
      place = std::make_unique<Beside>();
    } else {
      place = std::move(spare_beside_.back());
      spare_beside_.pop_back();
    }
  }
  return *place;
}

void UringProactor::Loop::leave_beside(const Operation& operation) noexcept {
  if (operation.slot < beside_.size() && beside_[operation.slot])
    spare_beside_.push_back(std::move(beside_[operation.slot]));
}

bool UringProactor::Loop::in_pool(OpKind kind) const noexcept {
  switch (kind) {
    case OpKind::truncate:
      return !ring_truncates_;
    case OpKind::allocate:  // posix_fallocate also serves file systems that cannot
    case OpKind::copy_range:
    case OpKind::room_left:
    case OpKind::list_folder:
    case OpKind::job:
      return true;
    default:
      return false;
  }
}

void UringProactor::Loop::start(Operation& operation) noexcept {
  const std::uint64_t tag = table.enter(operation);
  hold(operation.fd, 1);
  hold(operation.fd2, 1);
  if (operation.kind == OpKind::next_turn) {
    due_.push_back({&operation, 0});
  } else if (in_pool(operation.kind)) {
    to_pool(operation);
  } else if (operation.kind == OpKind::receive) {
    submit_receive(operation, tag, true);
  } else {
    submit(operation, tag);
  }
}

void UringProactor::Loop::to_pool(Operation& operation) noexcept {
  const bool guessing = operation.kind == OpKind::job && static_cast<Job&>(operation).pool == PoolName::credentials;
  WorkerPool* pool = guessing ? pools_.credentials : pools_.files;
  std::unique_ptr<PoolTask> task;
  if (spare_tasks_.empty()) {
    task = std::make_unique<PoolTask>(
        cores, options.core,
        [](void* loop, PoolTask& done) noexcept { static_cast<Loop*>(loop)->finished_in_pool(done); }, this);
  } else {
    task = std::move(spare_tasks_.back());
    spare_tasks_.pop_back();
  }
  task->operation = &operation;
  if (pool && pool->offer(*task)) {
    ++counters.jobs;
    static_cast<void>(task.release());  // comes back through finished_in_pool
    return;
  }
  ++counters.jobs_refused;
  task->operation = nullptr;
  spare_tasks_.push_back(std::move(task));
  due_.push_back({&operation, -EBUSY});
}

// Multishot receive (Linux 6.0) into buffers lent by the ring. `poll_first`: a socket just accepted, or drained, has
// nothing yet, so the kernel need not try in vain.
void UringProactor::Loop::submit_receive(Operation& operation, std::uint64_t tag, bool poll_first) noexcept {
  io_uring_sqe& sqe = submission();
  io_uring_prep_recv_multishot(&sqe, operation.fd, nullptr, 0, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = receive_buffer_group;
  if (poll_first) sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
  sqe.user_data = tag;
}

void UringProactor::Loop::submit_send(Operation& operation, io_uring_sqe& sqe) noexcept {
  if (operation.vector_count == 1) {
    io_uring_prep_send(&sqe, operation.fd, operation.vectors->iov_base, operation.vectors->iov_len,
                       MSG_NOSIGNAL | operation.flags);
    return;
  }
  msghdr& message = beside(operation).message;
  message = {};
  message.msg_iov = const_cast<iovec*>(operation.vectors);
  message.msg_iovlen = operation.vector_count;
  io_uring_prep_sendmsg(&sqe, operation.fd, &message, static_cast<unsigned>(MSG_NOSIGNAL | operation.flags));
}

void UringProactor::Loop::submit(Operation& operation, std::uint64_t tag) noexcept {
  io_uring_sqe& sqe = submission();
  switch (operation.kind) {
    case OpKind::accept:  // multishot since Linux 5.19; no-delay is inherited from the listening socket
      io_uring_prep_multishot_accept(&sqe, operation.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      break;
    case OpKind::send:
      submit_send(operation, sqe);
      break;
    case OpKind::wait_writable:
      io_uring_prep_poll_add(&sqe, operation.fd, POLLOUT);
      break;
    case OpKind::connect:
      io_uring_prep_connect(&sqe, operation.fd, static_cast<const sockaddr*>(operation.vectors->iov_base),
                            static_cast<socklen_t>(operation.vectors->iov_len));
      break;
    default:
      submit_file(operation, sqe);
  }
  sqe.user_data = tag;
}

void UringProactor::Loop::submit_file(Operation& operation, io_uring_sqe& sqe) noexcept {
  switch (operation.kind) {
    case OpKind::open:
      io_uring_prep_openat(&sqe, operation.fd, operation.path, operation.flags | O_CLOEXEC, operation.mode);
      break;
    case OpKind::read:
      io_uring_prep_readv(&sqe, operation.fd, operation.vectors, operation.vector_count, operation.offset);
      break;
    case OpKind::write:
      io_uring_prep_writev(&sqe, operation.fd, operation.vectors, operation.vector_count, operation.offset);
      break;
    case OpKind::sync_data:
      io_uring_prep_fsync(&sqe, operation.fd, IORING_FSYNC_DATASYNC);
      break;
    case OpKind::sync_folder:
      io_uring_prep_fsync(&sqe, operation.fd, 0);
      break;
    case OpKind::truncate:  // Linux 6.9; older: files pool
      io_uring_prep_ftruncate(&sqe, operation.fd, static_cast<loff_t>(operation.length));
      break;
    case OpKind::rename:
      io_uring_prep_renameat(&sqe, operation.fd, operation.path, operation.fd2, operation.path2,
                             static_cast<unsigned>(operation.flags));
      break;
    case OpKind::link:
      if (operation.path && *operation.path) {
        io_uring_prep_linkat(&sqe, operation.fd, operation.path, operation.fd2, operation.path2, operation.flags);
      } else {  // AT_EMPTY_PATH wants a capability that the unprivileged child has not
        std::string& path = beside(operation).path;
        path = fmt::format("/proc/self/fd/{}", operation.fd);
        io_uring_prep_linkat(&sqe, AT_FDCWD, path.c_str(), operation.fd2, operation.path2, AT_SYMLINK_FOLLOW);
      }
      break;
    case OpKind::unlink:
      io_uring_prep_unlinkat(&sqe, operation.fd, operation.path, operation.flags);
      break;
    case OpKind::make_folder:
      io_uring_prep_mkdirat(&sqe, operation.fd, operation.path, operation.mode);
      break;
    case OpKind::stat: {
      const bool itself = !operation.path || !*operation.path;
      io_uring_prep_statx(
          &sqe, operation.fd, itself ? "" : operation.path, operation.flags | (itself ? AT_EMPTY_PATH : 0),
          STATX_TYPE | STATX_MODE | STATX_UID | STATX_INO | STATX_SIZE | STATX_MTIME, &beside(operation).status);
      break;
    }
    default:
      ensure_failed("the ring knows this kind of operation", std::source_location::current());
  }
}

void UringProactor::Loop::cancel(Operation& operation) noexcept {
  if (!operation.in_flight) return;
  if (operation.kind == OpKind::receive) {
    const auto waiting = std::find(starved_.begin(), starved_.end(), &operation);
    if (waiting != starved_.end()) {
      starved_.erase(waiting);
      due_.push_back({&operation, -ECANCELED});
      return;
    }
  }
  if (operation.kind == OpKind::next_turn || in_pool(operation.kind)) return;  // it comes by itself
  io_uring_sqe& sqe = submission();
  io_uring_prep_cancel64(&sqe, table.tag_of(operation), 0);
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe.user_data = own_tag(Own::ignored);
}

void UringProactor::Loop::close(Descriptor fd) noexcept {
  ensure(fd >= 0 && !held(fd));
  const bool file = static_cast<std::size_t>(fd) < is_file_.size() && is_file_[static_cast<std::size_t>(fd)];
  if (file) is_file_[static_cast<std::size_t>(fd)] = false;
  if (!running_) {
    ::close(fd);
    return;
  }
  io_uring_sqe& sqe = submission();
  io_uring_prep_close(&sqe, fd);
  // The last close of an unlinked file frees its blocks: not on a core.
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS | (file ? IOSQE_ASYNC : 0U);
  sqe.user_data = own_tag(Own::ignored);
}

void UringProactor::Loop::post(CoreIndex to, Message& message) noexcept {
  if (!cores.queue(to).post(message)) return;
  if (to == options.core) return;
  ++counters.wakes;
  const Descriptor ring = cores.ring(to).load(std::memory_order_acquire);
  if (ring == no_descriptor || !running_) {
    cores.wake(to);
    ++counters.direct_calls;
    return;
  }
  io_uring_sqe& sqe = submission();
  io_uring_prep_msg_ring(&sqe, ring, 0, own_tag(Own::ignored), 0);
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe.user_data = own_tag(Own::wake_failed, to.value);
}

void UringProactor::Loop::return_buffer(std::uint16_t buffer) noexcept {
  ensure(lent > 0 && buffer < options.receive_buffers);
  --lent;
  io_uring_buf_ring_add(buffer_ring_, buffers_.get() + std::size_t{buffer} * options.receive_buffer_octets,
                        options.receive_buffer_octets, buffer, io_uring_buf_ring_mask(options.receive_buffers), 0);
  io_uring_buf_ring_advance(buffer_ring_, 1);
}

}  // namespace ringpost::ring
