#include "schedule.h"

#include <gtest/gtest.h>

#include "options.h"

namespace ringpost::load {
namespace {

using namespace std::chrono_literals;

TEST(Schedule, EvenArrivalsStandAtMultiplesOfTheGapAndDoNotDrift) {
  Schedule schedule{3.0, Arrivals::even, 1};
  EXPECT_EQ(schedule.next_due(), 0ns);
  EXPECT_EQ(schedule.next_due(), 0ns);  // looking takes nothing
  for (int i = 0; i < 3'000'000; ++i) schedule.take();
  EXPECT_EQ(schedule.next_due(), 1'000'000s);
}

TEST(Schedule, ThreadsThatStartAtDifferentPhasesInterleave) {
  Schedule first{10, Arrivals::even, 1, 0}, second{10, Arrivals::even, 1, 0.5};
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(second.next_due() - first.next_due(), 50ms);
    first.take();
    second.take();
  }
}

TEST(Schedule, PoissonArrivalsHaveTheRateAndRepeatWithTheSeed) {
  Schedule one{1000, Arrivals::poisson, 42}, same{1000, Arrivals::poisson, 42}, other{1000, Arrivals::poisson, 43};
  auto before = one.next_due();
  for (int i = 0; i < 100'000; ++i) {
    EXPECT_GE(one.next_due(), before);
    before = one.next_due();
    one.take();
    same.take();
    other.take();
  }
  EXPECT_EQ(one.next_due(), same.next_due());
  EXPECT_NE(one.next_due(), other.next_due());
  EXPECT_NEAR(static_cast<double>(one.next_due().count()) / 1e9, 100, 2);
}

TEST(Durations, HaveUnitsAndSecondsWithoutOne) {
  EXPECT_EQ(duration_of("10s"), 10s);
  EXPECT_EQ(duration_of("250ms"), 250ms);
  EXPECT_EQ(duration_of("1.5"), 1500ms);
  EXPECT_EQ(duration_of("2m"), 2min);
  EXPECT_EQ(duration_of("1h"), 1h);
  for (auto wrong : {"", "s", "10x", "-1s", "10 s", "inf", "1e300s"}) EXPECT_FALSE(duration_of(wrong)) << wrong;
}

}  // namespace
}  // namespace ringpost::load
