// ringpost/ring/timer_wheel.h: many timers at little cost, for both proactors.
//
// A hierarchical wheel: four levels of 64 slots, ticks of 2^23 ns (8.4 ms), so the outermost level reaches 39 hours;
// what is due later goes round again. Arming and disarming are O(1) and touch only the timer and its neighbours.
// Never early; late by less than a tick plus the turn. What is due already fires at the next call of advance().
// Timers of one tick fire in the order in which they were armed or came down. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <ringpost/base/time.h>
#include <ringpost/ring/proactor.h>

namespace ringpost::ring {

class TimerWheel {
 public:
  static constexpr int tick_bits = 23;
  static constexpr Duration tick{std::int64_t{1} << tick_bits};

  explicit TimerWheel(Instant now);
  ~TimerWheel();  // insists that no timer is left
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arming an armed timer moves it.
  void arm(Timer&, Instant due) noexcept;
  void disarm(Timer&) noexcept;  // of what is not armed: nothing happens

  // Fires what is due at `now`. Instants that go backwards are taken for the last one.
  void advance(Instant now) noexcept;

  // The earliest instant at which advance() has something to do; none: no timer is armed. It may be earlier than the
  // first timer's due, because timers come down a level on their way.
  std::optional<Instant> next_due() const noexcept;

  std::uint32_t armed() const noexcept { return armed_; }

 private:
  static constexpr int levels = 4;
  static constexpr int slot_bits = 6;
  static constexpr std::uint64_t slots = std::uint64_t{1} << slot_bits;

  struct List final : Timer {
    List() noexcept { previous = following = this; }
    void fired() noexcept override {}
    bool empty() const noexcept { return following == this; }
  };

  Instant instant_of(std::uint64_t at) const noexcept;
  std::uint64_t tick_of(Instant) const noexcept;         // the last tick begun at that time
  std::uint64_t tick_after(Instant due) const noexcept;  // the first tick that is not before it
  static void append(List&, Timer&) noexcept;
  static void unlink(Timer&) noexcept;
  void place(Timer&) noexcept;
  std::optional<std::uint64_t> next_tick() const noexcept;
  void come_down() noexcept;
  void fire(List&) noexcept;

  Instant origin_;
  Instant now_;
  std::uint64_t current_ = 0;  // ticks up to this one have fired
  std::uint32_t armed_ = 0;
  std::array<std::uint64_t, levels> filled_{};  // a bit a slot: there may be something in it
  std::array<std::array<List, slots>, levels> wheel_;
  List due_;  // due already
};

}  // namespace ringpost::ring
