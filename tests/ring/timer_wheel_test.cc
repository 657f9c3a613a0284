#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <vector>

#include <ringpost/ring/timer_wheel.h>

namespace ringpost::ring {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

struct Ringing final : Timer {
  std::function<void()> on_fire = [] {};
  int times = 0;
  void fired() noexcept override {
    ++times;
    on_fire();
  }
};

const Instant start{std::chrono::hours(1000)};

// Moves time as a core does: to the next thing that is due, never past `until`.
void sleep_until(TimerWheel& wheel, Instant until) {
  while (const auto due = wheel.next_due()) {
    if (*due > until) break;
    wheel.advance(*due);
  }
  wheel.advance(until);
}

TEST(TimerWheel, FiresOnceAndNeverEarly) {
  TimerWheel wheel(start);
  Ringing timer;
  wheel.arm(timer, start + milliseconds(100));
  wheel.advance(start + milliseconds(99));
  EXPECT_EQ(timer.times, 0);
  wheel.advance(start + milliseconds(100) + TimerWheel::tick);
  EXPECT_EQ(timer.times, 1);
  EXPECT_FALSE(timer.armed);
  wheel.advance(start + hours(1));
  EXPECT_EQ(timer.times, 1);
}

TEST(TimerWheel, EveryDistanceUpToTwoWeeksIsMetWithinATick) {
  std::mt19937_64 random(7);
  TimerWheel wheel(start);
  struct Checked final : Timer {
    Instant* now = nullptr;
    Duration late{};
    bool early = false;
    void fired() noexcept override {
      early = *now < due;
      late = *now - due;
    }
  };
  std::vector<std::unique_ptr<Checked>> timers;
  Instant now = start;
  for (int i = 0; i < 5000; ++i) {
    timers.push_back(std::make_unique<Checked>());
    timers.back()->now = &now;
    const auto span = std::int64_t{1} << (random() % 50);  // up to 13 days
    wheel.arm(*timers.back(), start + Duration{static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(span))});
  }
  while (const auto due = wheel.next_due()) {
    ASSERT_GE(*due, now);
    now = std::max(now, *due);
    wheel.advance(now);
  }
  EXPECT_EQ(wheel.armed(), 0U);
  for (const auto& timer : timers) {
    EXPECT_FALSE(timer->early);
    EXPECT_LE(timer->late, TimerWheel::tick);
  }
}

TEST(TimerWheel, ALeapOverHoursFiresEverythingInBetween) {
  TimerWheel wheel(start);
  std::vector<Ringing> timers(2000);
  for (std::size_t i = 0; i < timers.size(); ++i) wheel.arm(timers[i], start + minutes(i));
  wheel.advance(start + minutes(1999) + TimerWheel::tick);
  for (const auto& timer : timers) EXPECT_EQ(timer.times, 1);
}

TEST(TimerWheel, WhatIsDueAlreadyFiresAtTheNextCall) {
  TimerWheel wheel(start);
  wheel.advance(start + hours(1));
  Ringing timer;
  wheel.arm(timer, start);
  EXPECT_LE(*wheel.next_due(), start + hours(1));
  wheel.advance(start + hours(1));
  EXPECT_EQ(timer.times, 1);
}

TEST(TimerWheel, ArmingAgainMovesAndDisarmingStops) {
  TimerWheel wheel(start);
  Ringing moved;
  Ringing stopped;
  wheel.arm(moved, start + milliseconds(20));
  wheel.arm(moved, start + minutes(5));
  wheel.arm(stopped, start + milliseconds(20));
  wheel.disarm(stopped);
  wheel.disarm(stopped);
  sleep_until(wheel, start + minutes(4));
  EXPECT_EQ(moved.times, 0);
  sleep_until(wheel, start + minutes(6));
  EXPECT_EQ(moved.times, 1);
  EXPECT_EQ(stopped.times, 0);
  EXPECT_FALSE(wheel.next_due());
}

TEST(TimerWheel, ATimerMayDisarmOthersOfItsTickAndArmItselfAgain) {
  TimerWheel wheel(start);
  Ringing first;
  Ringing second;
  const Instant due = start + milliseconds(50);
  first.on_fire = [&] {
    wheel.disarm(second);
    if (first.times < 3) wheel.arm(first, first.due + milliseconds(50));
  };
  wheel.arm(first, due);
  wheel.arm(second, due);
  sleep_until(wheel, start + minutes(1));
  EXPECT_EQ(first.times, 3);
  EXPECT_EQ(second.times, 0);
}

TEST(TimerWheel, OneTickFiresInTheOrderOfArming) {
  TimerWheel wheel(start);
  std::vector<int> order;
  std::vector<Ringing> timers(10);
  for (int i = 0; i < 10; ++i) {
    timers[static_cast<std::size_t>(i)].on_fire = [&order, i] { order.push_back(i); };
    wheel.arm(timers[static_cast<std::size_t>(i)], start + milliseconds(40));
  }
  sleep_until(wheel, start + milliseconds(100));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(TimerWheel, AnIdleCoreWithLongTimersWakesAFewTimesOnly) {
  TimerWheel wheel(start);
  Ringing timer;
  wheel.arm(timer, start + minutes(30));
  int wakes = 0;
  while (const auto due = wheel.next_due()) {
    wheel.advance(*due);
    ++wakes;
  }
  EXPECT_EQ(timer.times, 1);
  EXPECT_LE(wakes, 4);
}

}  // namespace
}  // namespace ringpost::ring
