// ringpost/sim/events.h: virtual time: what happens next, and when.
//
// Time stands still while one event is handled and then jumps to the next. Events of one instant come in an order drawn
// by chance. An event may belong to a process's life: when that has ended, the event is dropped unseen.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ringpost/base/time.h>
#include <ringpost/sim/random.h>

namespace ringpost::sim {

class Events {
 public:
  using Action = std::move_only_function<void()>;
  static constexpr std::uint32_t of_the_world = 0;

  explicit Events(Random random) : random_(random) {}

  Instant now() const noexcept { return now_; }
  std::uint64_t handled() const noexcept { return handled_; }

  void at(Instant due, Action action, std::uint32_t life = of_the_world);
  void after(Duration wait, Action action, std::uint32_t life = of_the_world) {
    at(now_ + wait, std::move(action), life);
  }

  // Handles the next event. false: nothing is left to happen, or nothing before `until` (then it is `until`).
  bool step(Instant until);
  void end_life(std::uint32_t life) noexcept { ended_through_ = life; }  // and all before it

 private:
  struct Event {
    Instant due;
    std::uint64_t order;
    std::uint32_t life;
    Action action;
  };
  static bool later(const Event& one, const Event& other) noexcept {
    return one.due != other.due ? one.due > other.due : one.order > other.order;
  }

  Random random_;
  Instant now_{};
  std::uint64_t handled_ = 0;
  std::uint32_t ended_through_ = 0;
  std::vector<Event> heap_;
};

}  // namespace ringpost::sim
