// Messages between cores that run on threads of their own, and between cores and threads outside.

#include <memory>
#include <poll.h>
#include <sys/prctl.h>
#include <thread>

#include <ringpost/ring/cores.h>

#include "one_core.h"

namespace ringpost::ring {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct RunningCores {
  explicit RunningCores(std::uint32_t count) : cores(count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      UringOptions options;
      options.core = CoreIndex{i};
      proactors.push_back(std::make_unique<UringProactor>(cores, Pools{nullptr, &files}, options));
    }
    for (auto& proactor : proactors) threads.emplace_back([&proactor] { proactor->run(); });
  }
  ~RunningCores() {
    for (auto& proactor : proactors) proactor->stop();
    for (auto& thread : threads) thread.join();
  }
  WorkerPool files{"files", 1, 16};
  Cores cores;
  std::vector<std::unique_ptr<UringProactor>> proactors;
  std::vector<std::thread> threads;
};

bool wait_readable(Descriptor fd) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, 10000) == 1;
}

// Goes to and fro between two cores, then to the thread outside.
struct Ball final : Message {
  RunningCores* all = nullptr;
  Outside* outside = nullptr;
  std::uint32_t at = 0;
  int left = 0;
  bool came_back = false;
  void delivered() noexcept override {
    if (left < 0) {
      came_back = true;
      return;
    }
    if (left-- == 0) return outside->post(*this);
    const CoreIndex from{at};
    at = 1 - at;
    all->proactors[from.value]->post(CoreIndex{at}, *this);
  }
};

TEST(Cores, AMessageTravelsBetweenSleepingCoresAndBackToTheThreadOutside) {
  RunningCores all(2);
  Outside outside;
  Ball ball;
  ball.all = &all;
  ball.outside = &outside;
  ball.left = 20000;
  all.cores.post_from_outside(CoreIndex{0}, ball);
  ASSERT_TRUE(wait_readable(outside.descriptor()));
  EXPECT_EQ(outside.deliver_all(), 1U);
  EXPECT_TRUE(ball.came_back);
  EXPECT_EQ(outside.deliver_all(), 0U);
}

TEST(Cores, ManyThreadsOutsidePostAndEveryMessageArrives) {
  struct Counted final : Message {
    std::atomic<int>* count = nullptr;
    void delivered() noexcept override { count->fetch_add(1); }
  };
  RunningCores all(2);
  std::atomic<int> count{0};
  std::vector<std::unique_ptr<Counted[]>> messages;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    messages.push_back(std::make_unique<Counted[]>(5000));
    threads.emplace_back([&, mine = messages.back().get()] {
      for (std::uint32_t i = 0; i < 5000; ++i) {
        mine[i].count = &count;
        all.cores.post_from_outside(CoreIndex{i % 2}, mine[i]);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (int waited = 0; count.load() < 15000 && waited < 1000; ++waited) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(count.load(), 15000);
}

TEST(Cores, AnIdleCoreSleeps) {
  RunningCores all(1);
  std::this_thread::sleep_for(milliseconds(50));
  struct Asked final : Message {
    UringProactor* proactor = nullptr;
    std::atomic<std::uint64_t> turns{0};
    std::atomic<int> answers{0};
    void delivered() noexcept override {
      turns = proactor->counters().turns;
      ++answers;
    }
  };
  Asked first;
  Asked second;
  first.proactor = second.proactor = all.proactors[0].get();
  all.cores.post_from_outside(CoreIndex{0}, first);
  std::this_thread::sleep_for(milliseconds(300));
  all.cores.post_from_outside(CoreIndex{0}, second);
  for (int i = 0; second.answers.load() == 0 && i < 1000; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_LE(second.turns.load() - first.turns.load(), 3U);
}

TEST(Cores, JobsComeBackToTheCoreThatAsked) {
  OneCore core;
  struct Where final : AwaitedJob {
    using AwaitedJob::AwaitedJob;
    std::thread::id ran{};
    std::int64_t blocking_run() noexcept override {
      ran = std::this_thread::get_id();
      return 42;
    }
  };
  const auto work = [](Proactor& proactor, bool& done) -> Task<void> {
    for (const PoolName pool : {PoolName::credentials, PoolName::files}) {
      Where job(proactor, pool);
      const auto here = std::this_thread::get_id();
      const std::int64_t result = co_await job;
      EXPECT_EQ(result, 42);
      EXPECT_NE(job.ran, here);
      EXPECT_EQ(std::this_thread::get_id(), here);
    }
    done = true;
  };
  bool done = false;
  core.run(work(core.proactor, done));
  EXPECT_TRUE(done);
  EXPECT_EQ(core.proactor.counters().jobs, 2U);
}

TEST(Cores, AFullPoolAnswersBusyAndNothingRan) {
  OneCore core;
  struct Slow final : Job {
    using Job::Job;
    std::atomic<bool>* go = nullptr;
    int* busy = nullptr;
    std::int64_t blocking_run() noexcept override {
      go->wait(false);
      return 0;
    }
    void completed(const Completion& completion) noexcept override {
      if (completion.result == -EBUSY) ++*busy;
      go->store(true);  // refusals come first: only then may the others end
      go->notify_all();
    }
  };
  std::atomic<bool> go{false};
  int busy = 0;
  std::vector<std::unique_ptr<Slow>> jobs;
  for (int i = 0; i < 20; ++i) {
    jobs.push_back(std::make_unique<Slow>(PoolName::credentials));
    jobs.back()->go = &go;
    jobs.back()->busy = &busy;
    core.proactor.start(*jobs.back());
  }
  core.proactor.run_until_idle();
  EXPECT_GE(busy, 15);  // one runs at most, four wait
  EXPECT_EQ(core.proactor.counters().jobs_refused, static_cast<std::uint64_t>(busy));
}

}  // namespace
}  // namespace ringpost::ring
