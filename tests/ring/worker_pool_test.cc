#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <semaphore>
#include <vector>

#include <ringpost/ring/worker_pool.h>

namespace ringpost::ring {
namespace {

struct Held final : PoolWork {
  std::binary_semaphore* begun = nullptr;
  std::binary_semaphore* release = nullptr;
  void blocking_run() noexcept override {
    begun->release();
    release->acquire();
  }
};

struct Noted final : PoolWork {
  int number = 0;
  std::vector<int>* order = nullptr;
  std::mutex* lock = nullptr;
  void blocking_run() noexcept override {
    const std::lock_guard guard(*lock);
    order->push_back(number);
  }
};

TEST(WorkerPool, RunsEverythingInTheOrderOfOffering) {
  std::vector<int> order;
  std::mutex lock;
  std::vector<std::unique_ptr<Noted>> works;
  {
    WorkerPool pool("order", 1, 1000);
    for (int i = 0; i < 1000; ++i) {
      works.push_back(std::make_unique<Noted>());
      works.back()->number = i;
      works.back()->order = &order;
      works.back()->lock = &lock;
      ASSERT_TRUE(pool.offer(*works.back()));
    }
  }  // the destructor runs what is queued
  ASSERT_EQ(order.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(WorkerPool, AFullQueueRefusesAndCounts) {
  std::binary_semaphore begun{0};
  std::binary_semaphore release{0};
  Held running;
  Held waiting[2];
  Held refused;
  WorkerPool pool("full", 1, 2);
  for (Held* held : {&running, &waiting[0], &waiting[1], &refused}) {
    held->begun = &begun;
    held->release = &release;
  }
  ASSERT_TRUE(pool.offer(running));
  begun.acquire();
  EXPECT_TRUE(pool.offer(waiting[0]));
  EXPECT_TRUE(pool.offer(waiting[1]));
  EXPECT_FALSE(pool.offer(refused));
  EXPECT_EQ(pool.counters().refused_full, 1U);
  EXPECT_EQ(pool.counters().accepted, 3U);
  EXPECT_EQ(pool.counters().waiting, 2U);
  release.release();
  begun.acquire();
  release.release();
  begun.acquire();
  release.release();
}

TEST(WorkerPool, TwoThreadsWorkSideBySide) {
  std::binary_semaphore begun[2] = {std::binary_semaphore{0}, std::binary_semaphore{0}};
  std::binary_semaphore release[2] = {std::binary_semaphore{0}, std::binary_semaphore{0}};
  Held work[2];
  WorkerPool pool("two", 2, 4);
  for (int i = 0; i < 2; ++i) {
    work[i].begun = &begun[i];
    work[i].release = &release[i];
    ASSERT_TRUE(pool.offer(work[i]));
  }
  begun[0].acquire();
  begun[1].acquire();  // while the first still runs
  release[0].release();
  release[1].release();
}

}  // namespace
}  // namespace ringpost::ring
