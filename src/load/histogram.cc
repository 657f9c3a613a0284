#include "histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ringpost::load {

std::size_t Histogram::bucket_of(std::uint64_t value) noexcept {
  if (value < linear_limit) return static_cast<std::size_t>(value);
  auto magnitude = static_cast<unsigned>(std::bit_width(value)) - 1;  // sub_bits + 1 or more
  auto shift = magnitude - sub_bits;
  auto sub = (value >> shift) - (std::uint64_t{1} << sub_bits);
  return static_cast<std::size_t>(linear_limit + (std::uint64_t{shift} - 1) * (1u << sub_bits) + sub);
}

std::uint64_t Histogram::upper_edge(std::size_t bucket) noexcept {
  if (bucket < linear_limit) return bucket;
  auto above = bucket - linear_limit;
  auto shift = above / (1u << sub_bits) + 1;
  auto sub = above % (1u << sub_bits) + (1u << sub_bits);
  return ((std::uint64_t{sub} + 1) << shift) - 1;
}

void Histogram::record(Duration value) noexcept {
  auto nanoseconds = static_cast<std::uint64_t>(std::max<Duration::rep>(value.count(), 0));
  ++counts_[bucket_of(nanoseconds)];
  ++count_;
  max_ = std::max(max_, nanoseconds);
  sum_ += static_cast<long double>(nanoseconds);
}

void Histogram::merge(const Histogram& other) noexcept {
  for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

Duration Histogram::mean() const noexcept {
  return Duration{count_ == 0 ? 0 : static_cast<Duration::rep>(sum_ / static_cast<long double>(count_))};
}

Duration Histogram::percentile(double fraction) const noexcept {
  if (count_ == 0) return Duration{0};
  auto rank = static_cast<std::uint64_t>(std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_)));
  rank = std::clamp<std::uint64_t>(rank, 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) return Duration{static_cast<Duration::rep>(std::min(upper_edge(i), max_))};
  }
  return max();
}

}  // namespace ringpost::load
