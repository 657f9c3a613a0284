// ringpost/ring/cores.h: where the cores of one process, and the threads beside them, leave messages for each other.
//
// One object for the process, made before the cores and gone after their threads. It holds each core's queue and the
// two ways to wake a sleeping core: its ring (for cores: IORING_OP_MSG_RING, by the proactor) and its eventfd (for
// everybody else: pool threads, control thread, signal thread).
//
//   a core -> a core                 Proactor::post
//   any thread -> a core             Cores::post_from_outside; what is delivered runs on the core
//   a core -> the control thread     Outside::post (below); it runs when that thread calls deliver_all()
//
// Example, "sessions" asked by the control socket: the control thread posts a Message to each core; its delivered()
// fills in the answer on the core and posts the same node to the control thread's Outside.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include <ringpost/ring/core_queue.h>

namespace ringpost::ring {

class Cores {
 public:
  // Throws std::system_error where the process may open no more descriptors.
  explicit Cores(std::uint32_t count);
  ~Cores();
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;

  std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(cores_.size()); }

  // Any thread. Never fails, never waits. A message to a core that runs no more is kept and never delivered.
  void post_from_outside(CoreIndex to, Message&) noexcept;

  // --- For the proactors -------------------------------------------------------------------------------------------
  CoreQueue& queue(CoreIndex core) noexcept { return cores_[core.value]->queue; }
  Descriptor wake_descriptor(CoreIndex core) const noexcept { return cores_[core.value]->wake; }
  void wake(CoreIndex core) noexcept;  // by eventfd
  // The ring of a running core; no_descriptor: it has none yet, or no more.
  std::atomic<Descriptor>& ring(CoreIndex core) noexcept { return cores_[core.value]->ring; }

 private:
  struct alignas(64) Core {  // a cache line of its own
    CoreQueue queue;
    std::atomic<Descriptor> ring{no_descriptor};
    Descriptor wake = no_descriptor;
  };
  std::vector<std::unique_ptr<Core>> cores_;
};

// The inbox of a thread that is no core. It polls descriptor() for reading beside whatever else it waits for.
class Outside {
 public:
  Outside();  // throws std::system_error
  ~Outside();
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

  // Any thread, cores too: one write to an eventfd at most, and only when the thread may be asleep.
  void post(Message&) noexcept;

  // The owning thread: readable when messages may wait.
  Descriptor descriptor() const noexcept { return wake_; }
  // The owning thread, whenever descriptor() is readable; runs delivered() of each on this thread.
  std::size_t deliver_all() noexcept;

 private:
  CoreQueue queue_;
  Descriptor wake_;
};

}  // namespace ringpost::ring
