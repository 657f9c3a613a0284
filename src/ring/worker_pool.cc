#include <csignal>
#include <pthread.h>
#include <utility>

#include <ringpost/base/ensure.h>
#include <ringpost/ring/worker_pool.h>

namespace ringpost::ring {

WorkerPool::WorkerPool(std::string name, std::uint32_t threads, std::uint32_t queue_max)
    : name_(std::move(name)), queue_max_(queue_max) {
  ensure(threads > 0 && queue_max > 0);
  ensure(sem_init(&ready_, 0, 0) == 0);
  // Signals belong to the thread that the daemon keeps for them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (std::uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  for (auto& thread : threads_) pthread_setname_np(thread.native_handle(), name_.c_str());
}

WorkerPool::~WorkerPool() {
  ending_.store(true, std::memory_order_release);
  for (std::size_t i = 0; i < threads_.size(); ++i) sem_post(&ready_);
  for (auto& thread : threads_) thread.join();
  ensure(!oldest_ && !inbox_.load());
  sem_destroy(&ready_);
}

bool WorkerPool::offer(PoolWork& work) noexcept {
  if (waiting_.fetch_add(1, std::memory_order_relaxed) >= queue_max_) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  accepted_.fetch_add(1, std::memory_order_relaxed);
  PoolWork* top = inbox_.load(std::memory_order_relaxed);
  do {
    work.next.store(top, std::memory_order_relaxed);
  } while (!inbox_.compare_exchange_weak(top, &work, std::memory_order_acq_rel, std::memory_order_relaxed));
  sem_post(&ready_);
  return true;
}

PoolWork* WorkerPool::take() noexcept {
  const std::lock_guard lock(order_);
  if (!oldest_) {
    PoolWork* newest = inbox_.exchange(nullptr, std::memory_order_acq_rel);
    while (newest) {
      PoolWork* earlier = newest->next.load(std::memory_order_relaxed);
      newest->next.store(oldest_, std::memory_order_relaxed);
      oldest_ = std::exchange(newest, earlier);
    }
  }
  PoolWork* work = oldest_;
  if (work) oldest_ = work->next.load(std::memory_order_relaxed);
  return work;
}

void WorkerPool::run() noexcept {
  while (true) {
    while (sem_wait(&ready_) != 0) {
    }
    PoolWork* work = take();
    if (!work) {
      if (ending_.load(std::memory_order_acquire)) return;
      continue;
    }
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    work->blocking_run();
    finished_.fetch_add(1, std::memory_order_relaxed);
  }
}

WorkerPool::Counters WorkerPool::counters() const noexcept {
  return {accepted_.load(std::memory_order_relaxed), refused_.load(std::memory_order_relaxed),
          finished_.load(std::memory_order_relaxed), waiting_.load(std::memory_order_relaxed)};
}

}  // namespace ringpost::ring
