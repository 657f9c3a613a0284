// ringpost/base/time.h: the two clocks, as types that cannot be mixed up.
//
// Instant is monotonic and only good for differences and deadlines. WallTime is what a message was received at.
// Nobody asks the system for either: both come from the Proactor, so that the simulator can own them.
#pragma once

#include <chrono>
#include <cstdint>

namespace ringpost {

using Duration = std::chrono::nanoseconds;

struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicClock::time_point;

// Microseconds since 1970-01-01T00:00:00Z, as the store writes it.
struct WallTime {
  std::int64_t microseconds = 0;
  auto operator<=>(const WallTime&) const = default;
};

}  // namespace ringpost
