// load/schedule.h: when sessions are due in the open loop.
//
// Due times follow from rate, seed and number alone, never from how the server answers, so a slow answer delays no
// later arrival: latency counted from a due time leaves nothing out (no coordinated omission). Pure.
#pragma once

#include <cstdint>
#include <random>

#include <ringpost/base/time.h>

namespace ringpost::load {

enum class Arrivals { even, poisson };

class Schedule {
 public:
  // `rate` sessions a second, more than 0. `phase` (0 to 1, of one gap) sets threads apart from each other.
  Schedule(double rate, Arrivals arrivals, std::uint64_t seed, double phase = 0);

  // When the next session is due, counted from the start. Stays the same until taken.
  Duration next_due() const noexcept { return due_; }
  void take();

 private:
  double rate_;
  Arrivals arrivals_;
  double phase_;
  std::uint64_t taken_ = 0;
  std::mt19937_64 random_;
  std::exponential_distribution<double> gap_;
  double poisson_seconds_ = 0;
  Duration due_{0};
};

}  // namespace ringpost::load
