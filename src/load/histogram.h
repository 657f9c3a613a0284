// load/histogram.h: a histogram of durations with buckets of equal relative width.
//
// Fixed memory; any recorded value is reported within 1/64 (1.6%) of itself, whatever its size. Times in nanoseconds.
// Threads: one writer; merge() after it has ended.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <ringpost/base/time.h>

namespace ringpost::load {

class Histogram {
 public:
  void record(Duration value) noexcept;
  void merge(const Histogram& other) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  Duration max() const noexcept { return Duration{max_}; }
  Duration mean() const noexcept;

  // The value that `fraction` (0 to 1) of all values do not exceed: the upper edge of its bucket, never more than
  // max(). Zero when nothing was recorded.
  Duration percentile(double fraction) const noexcept;

 private:
  static constexpr unsigned sub_bits = 6;
  static constexpr std::uint64_t linear_limit = 1u << (sub_bits + 1);  // below it every value has a bucket of its own
  static constexpr std::size_t buckets = linear_limit + (63 - sub_bits) * (1u << sub_bits);

  static std::size_t bucket_of(std::uint64_t value) noexcept;
  static std::uint64_t upper_edge(std::size_t bucket) noexcept;

  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  long double sum_ = 0;
};

}  // namespace ringpost::load
