#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

#include <ringpost/ring/core_queue.h>

namespace ringpost::ring {
namespace {

struct Numbered final : Message {
  int sender = 0;
  int number = 0;
  std::vector<std::pair<int, int>>* heard = nullptr;
  void delivered() noexcept override { heard->emplace_back(sender, number); }
};

TEST(CoreQueue, DeliversInTheOrderOfPosting) {
  CoreQueue queue;
  std::vector<std::pair<int, int>> heard;
  Numbered messages[5];
  for (int i = 0; i < 5; ++i) {
    messages[i].number = i;
    messages[i].heard = &heard;
    EXPECT_FALSE(queue.post(messages[i])) << "the core is awake";
  }
  EXPECT_EQ(queue.deliver_all(), 5U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(heard[static_cast<std::size_t>(i)].second, i);
  EXPECT_TRUE(queue.empty());
}

TEST(CoreQueue, ACoreNeverSleepsOnANonEmptyQueue) {
  CoreQueue queue;
  std::vector<std::pair<int, int>> heard;
  Numbered message;
  message.heard = &heard;
  EXPECT_FALSE(queue.post(message));
  EXPECT_FALSE(queue.fall_asleep());
  queue.deliver_all();
  EXPECT_TRUE(queue.fall_asleep());
  queue.woken();
  EXPECT_TRUE(queue.empty());
}

TEST(CoreQueue, OnlyTheFirstPostToASleepingCoreWakesIt) {
  CoreQueue queue;
  std::vector<std::pair<int, int>> heard;
  Numbered first;
  Numbered second;
  first.heard = second.heard = &heard;
  second.number = 1;
  ASSERT_TRUE(queue.fall_asleep());
  EXPECT_TRUE(queue.post(first));
  EXPECT_FALSE(queue.post(second));
  queue.woken();
  EXPECT_EQ(queue.deliver_all(), 2U);
  EXPECT_EQ(heard.back().second, 1);
}

TEST(CoreQueue, WhatIsPostedWhileDeliveringWaitsForTheNextCall) {
  struct Again final : Message {
    CoreQueue* queue = nullptr;
    int times = 0;
    void delivered() noexcept override {
      ++times;
      if (times < 3) {
        EXPECT_FALSE(queue->post(*this));
      }
    }
  };
  CoreQueue queue;
  Again again;
  again.queue = &queue;
  EXPECT_FALSE(queue.post(again));
  EXPECT_EQ(queue.deliver_all(), 1U);
  EXPECT_EQ(again.times, 1);
  queue.deliver_all();
  queue.deliver_all();
  EXPECT_EQ(again.times, 3);
  EXPECT_TRUE(queue.empty());
}

// Four threads post, one sleeps and delivers: nothing is lost, each sender's order holds, and every sleep on which
// something was posted is ended by exactly one wake-up (a lost one would leave this test waiting for ever).
TEST(CoreQueue, NoMessageAndNoWakeUpIsLostBetweenThreads) {
  constexpr int senders = 4;
  constexpr int each = 20000;
  CoreQueue queue;
  std::atomic<std::uint32_t> wakes{0};
  std::vector<std::pair<int, int>> heard;
  std::vector<std::unique_ptr<Numbered[]>> messages;
  for (int s = 0; s < senders; ++s) {
    messages.push_back(std::make_unique<Numbered[]>(each));
    for (int i = 0; i < each; ++i) {
      messages.back()[static_cast<std::size_t>(i)].sender = s;
      messages.back()[static_cast<std::size_t>(i)].number = i;
      messages.back()[static_cast<std::size_t>(i)].heard = &heard;
    }
  }
  std::vector<std::thread> threads;
  for (int s = 0; s < senders; ++s) {
    threads.emplace_back([&, s] {
      for (int i = 0; i < each; ++i) {
        if (!queue.post(messages[static_cast<std::size_t>(s)][static_cast<std::size_t>(i)])) continue;
        wakes.fetch_add(1);
        wakes.notify_one();
      }
    });
  }
  std::uint32_t sleeps = 0;
  std::size_t delivered = 0;
  while (delivered < std::size_t{senders} * each) {
    if (queue.fall_asleep()) {
      wakes.wait(sleeps);
      ++sleeps;
      queue.woken();
    }
    delivered += queue.deliver_all();
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wakes.load(), sleeps);
  std::vector<int> next(senders, 0);
  for (const auto& [sender, number] : heard) EXPECT_EQ(number, next[static_cast<std::size_t>(sender)]++);
}

}  // namespace
}  // namespace ringpost::ring
