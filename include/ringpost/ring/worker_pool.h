// ringpost/ring/worker_pool.h: a few threads for what may block, with a queue of known length.
//
// One pool for all cores. offer() is lock-free: one exchange on the inbox and one semaphore post; the lock inside is
// between the pool's threads alone. Work runs in the order in which it was offered. The work's memory is its owner's
// until blocking_run() has returned; how the result travels back is the work's own business (see Cores).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <semaphore.h>
#include <string>
#include <thread>
#include <vector>

namespace ringpost::ring {

class PoolWork {
 public:
  PoolWork() = default;
  PoolWork(const PoolWork&) = delete;
  PoolWork& operator=(const PoolWork&) = delete;

  // On a pool's thread. It may destroy the work.
  virtual void blocking_run() noexcept = 0;

  std::atomic<PoolWork*> next{nullptr};  // the pool's

 protected:
  ~PoolWork() = default;
};

class WorkerPool {
 public:
  // `name` (15 characters at most) is what ps shows. Throws std::system_error where no thread can be made.
  WorkerPool(std::string name, std::uint32_t threads, std::uint32_t queue_max);
  // Runs what is queued, then ends the threads. Whoever offers must be gone.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Any thread, never waits. false: the queue is full (counted), nothing happened.
  [[nodiscard]] bool offer(PoolWork&) noexcept;

  struct Counters {
    std::uint64_t accepted = 0, refused_full = 0, finished = 0;
    std::uint32_t waiting = 0;  // accepted, not begun
  };
  Counters counters() const noexcept;

 private:
  void run() noexcept;
  PoolWork* take() noexcept;

  const std::string name_;
  const std::uint32_t queue_max_;
  std::atomic<PoolWork*> inbox_{nullptr};  // the last one offered first
  std::atomic<std::uint32_t> waiting_{0};
  std::atomic<std::uint64_t> accepted_{0}, refused_{0}, finished_{0};
  std::atomic<bool> ending_{false};
  sem_t ready_;
  std::mutex order_;            // the pool's threads only
  PoolWork* oldest_ = nullptr;  // under order_
  std::vector<std::thread> threads_;
};

}  // namespace ringpost::ring
