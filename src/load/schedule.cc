#include "schedule.h"

#include <cmath>

namespace ringpost::load {
namespace {

Duration of_seconds(double seconds) {
  return Duration{std::llround(seconds * 1e9)};
}

}  // namespace

Schedule::Schedule(double rate, Arrivals arrivals, std::uint64_t seed, double phase)
    : rate_(rate), arrivals_(arrivals), phase_(phase), random_(seed), gap_(rate) {
  if (arrivals_ == Arrivals::poisson) poisson_seconds_ = gap_(random_);
  due_ = of_seconds(arrivals_ == Arrivals::poisson ? poisson_seconds_ : phase_ / rate_);
}

void Schedule::take() {
  ++taken_;
  if (arrivals_ == Arrivals::poisson) {
    poisson_seconds_ += gap_(random_);
    due_ = of_seconds(poisson_seconds_);
  } else {
    due_ = of_seconds((static_cast<double>(taken_) + phase_) / rate_);  // from the count, so that errors don't add up
  }
}

}  // namespace ringpost::load
