// ringpost/sim/random.h: all chance of a simulated world, from one 64-bit seed.
//
// A counter that steps by an odd constant, mixed so that every bit of it reaches every bit of the result. Not for
// secrets. Values: a copy goes on from the same state.
#pragma once

#include <cstdint>

#include <ringpost/base/ensure.h>
#include <ringpost/base/octets.h>

namespace ringpost::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }

  std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
  std::uint64_t between(std::uint64_t least, std::uint64_t most) noexcept {
    ensure(least <= most);
    return least + below(most - least + 1);
  }
  // Small numbers often, `most` now and then: sizes and counts whose edges matter.
  std::uint64_t skewed(std::uint64_t least, std::uint64_t most) noexcept {
    std::uint64_t span = most - least;
    for (std::uint64_t halvings = below(6); halvings > 0; --halvings) span /= 2;
    return between(least, least + span);
  }
  bool chance(double ratio) noexcept {
    if (ratio <= 0) return false;
    return static_cast<double>(next() >> 11) * 0x1p-53 < ratio;
  }
  void fill(MutableOctets octets) noexcept {
    std::uint64_t bits = 0;
    for (std::size_t at = 0; at < octets.size(); ++at) {
      if (at % 8 == 0) bits = next();
      octets[at] = static_cast<std::byte>(bits >> (at % 8 * 8));
    }
  }
  // An independent stream, so that one part's draws do not shift another's.
  Random branch() noexcept { return Random(next() ^ 0x6a09e667f3bcc909u); }

 private:
  std::uint64_t state_;
};

}  // namespace ringpost::sim
