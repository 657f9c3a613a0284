#include "histogram.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace ringpost::load {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, EveryValueIsReportedWithinOneSixtyFourthOfItself) {
  for (std::int64_t value = 1; value < (std::int64_t{1} << 61); value += value / 4 + 1) {
    Histogram histogram;
    histogram.record(Duration{value});
    histogram.record(Duration{value * 2});  // so that the largest value does not cut the bucket's edge
    auto reported = histogram.percentile(0.5).count();
    EXPECT_GE(reported, value);
    EXPECT_LE(static_cast<double>(reported), static_cast<double>(value) * (1 + 1.0 / 64) + 1);
  }
}

TEST(Histogram, PercentilesAgreeWithTheSortedValues) {
  std::mt19937_64 random{7};
  std::lognormal_distribution<double> spread{12, 2};
  std::vector<std::int64_t> values;
  Histogram histogram;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(static_cast<std::int64_t>(spread(random)));
    histogram.record(Duration{values.back()});
  }
  std::ranges::sort(values);
  for (double fraction : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    auto exact = static_cast<double>(values[static_cast<std::size_t>(std::ceil(fraction * 10'000)) - 1]);
    auto reported = static_cast<double>(histogram.percentile(fraction).count());
    EXPECT_GE(reported, exact);
    EXPECT_LE(reported, exact * (1 + 1.0 / 64) + 1);
  }
  EXPECT_EQ(histogram.percentile(1).count(), values.back());
  EXPECT_EQ(histogram.max().count(), values.back());
}

TEST(Histogram, AnEmptyOneIsAllZeros) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(0.99), 0ns);
  EXPECT_EQ(histogram.mean(), 0ns);
}

TEST(Histogram, MergingIsAsIfAllHadBeenRecordedInOne) {
  Histogram one, other, both;
  for (int i = 1; i <= 1000; ++i) {
    (i % 3 == 0 ? one : other).record(Duration{i * 977});
    both.record(Duration{i * 977});
  }
  one.merge(other);
  EXPECT_EQ(one.count(), 1000u);
  EXPECT_EQ(one.mean(), both.mean());
  EXPECT_EQ(one.max(), both.max());
  for (double fraction : {0.1, 0.5, 0.95}) EXPECT_EQ(one.percentile(fraction), both.percentile(fraction));
}

TEST(Histogram, ATimeBeforeItsBeginningCountsAsNone) {
  Histogram histogram;
  histogram.record(-5ns);
  EXPECT_EQ(histogram.max(), 0ns);
  EXPECT_EQ(histogram.count(), 1u);
}

}  // namespace
}  // namespace ringpost::load
