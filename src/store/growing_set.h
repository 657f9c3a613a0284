// src/store/growing_set.h: a set that never rehashes all of itself at once (linear hashing: one bucket splits at a
// time), so that no turn of a core pays for a million entries.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace ringpost::store {

// Hash: a well mixed 64-bit value.
template <typename T, typename Hash>
class GrowingSet {
 public:
  std::uint64_t size() const noexcept { return size_; }

  bool contains(const T& value) const noexcept {
    const std::vector<T>& bucket = buckets_[place_of(value)];
    return std::find(bucket.begin(), bucket.end(), value) != bucket.end();
  }

  void insert(const T& value) {
    std::vector<T>& bucket = buckets_[place_of(value)];
    if (std::find(bucket.begin(), bucket.end(), value) != bucket.end()) return;
    bucket.push_back(value);
    if (++size_ > entries_a_bucket * buckets_.size()) split();
  }

 private:
  static constexpr std::uint64_t entries_a_bucket = 8;

  // Among n buckets, 2^k <= n < 2^(k+1): by k+1 bits of the hash where that bucket is there already, else by k.
  std::uint64_t place_of(const T& value) const noexcept {
    const std::uint64_t whole = std::bit_ceil(buckets_.size());
    const std::uint64_t place = Hash{}(value) & (whole - 1);
    return place < buckets_.size() ? place : place - whole / 2;
  }

  void split() {
    const std::uint64_t from = buckets_.size() - std::bit_floor(buckets_.size());
    buckets_.emplace_back();
    const std::vector<T> moved = std::exchange(buckets_[from], {});
    for (const T& value : moved) buckets_[place_of(value)].push_back(value);
  }

  std::deque<std::vector<T>> buckets_ = std::deque<std::vector<T>>(1);
  std::uint64_t size_ = 0;
};

}  // namespace ringpost::store
