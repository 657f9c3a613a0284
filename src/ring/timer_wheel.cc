#include <algorithm>
#include <bit>

#include <ringpost/ring/timer_wheel.h>

namespace ringpost::ring {

TimerWheel::TimerWheel(Instant now) : origin_(now), now_(now) {}

TimerWheel::~TimerWheel() {
  ensure(armed_ == 0);
}

Instant TimerWheel::instant_of(std::uint64_t at) const noexcept {
  return origin_ + Duration{static_cast<std::int64_t>(at << tick_bits)};
}

std::uint64_t TimerWheel::tick_of(Instant at) const noexcept {
  if (at <= origin_) return 0;
  return static_cast<std::uint64_t>((at - origin_).count()) >> tick_bits;
}

std::uint64_t TimerWheel::tick_after(Instant due) const noexcept {
  const std::uint64_t at = tick_of(due);
  return instant_of(at) < due ? at + 1 : at;
}

void TimerWheel::append(List& list, Timer& timer) noexcept {
  timer.previous = list.previous;
  timer.following = &list;
  list.previous->following = &timer;
  list.previous = &timer;
}

void TimerWheel::unlink(Timer& timer) noexcept {
  timer.previous->following = timer.following;
  timer.following->previous = timer.previous;
  timer.previous = timer.following = nullptr;
}

// Level n holds what is due within 64^(n+1) ticks, in the slot of its tick's n-th group of bits.
void TimerWheel::place(Timer& timer) noexcept {
  const std::uint64_t at = tick_after(timer.due);
  if (timer.due <= now_ || at <= current_) return append(due_, timer);
  std::uint64_t reachable = at;
  int level = 0;
  while (level < levels - 1 && (at >> (level * slot_bits)) - (current_ >> (level * slot_bits)) >= slots) ++level;
  const std::uint64_t position = current_ >> (level * slot_bits);
  if ((reachable >> (level * slot_bits)) - position >= slots) reachable = (position + slots - 1) << (level * slot_bits);
  const std::uint64_t slot = (reachable >> (level * slot_bits)) & (slots - 1);
  filled_[level] |= std::uint64_t{1} << slot;
  append(wheel_[level][slot], timer);
}

void TimerWheel::arm(Timer& timer, Instant due) noexcept {
  if (timer.armed) {
    unlink(timer);
  } else {
    timer.armed = true;
    ++armed_;
  }
  timer.due = due;
  place(timer);
}

void TimerWheel::disarm(Timer& timer) noexcept {
  if (!timer.armed) return;
  unlink(timer);
  timer.armed = false;
  --armed_;
}

// The next tick at which a slot fires or comes down.
std::optional<std::uint64_t> TimerWheel::next_tick() const noexcept {
  std::optional<std::uint64_t> earliest;
  for (int level = 0; level < levels; ++level) {
    const std::uint64_t position = current_ >> (level * slot_bits);
    const int first = static_cast<int>((position + 1) & (slots - 1));
    std::uint64_t ahead = std::rotr(filled_[level], first);
    while (ahead) {
      const auto distance = static_cast<std::uint64_t>(std::countr_zero(ahead));
      if (!wheel_[level][(position + 1 + distance) & (slots - 1)].empty()) {
        const std::uint64_t at = (position + 1 + distance) << (level * slot_bits);
        earliest = earliest ? std::min(*earliest, at) : at;
        break;
      }
      ahead &= ahead - 1;
    }
  }
  return earliest;
}

std::optional<Instant> TimerWheel::next_due() const noexcept {
  if (armed_ == 0) return std::nullopt;
  if (!due_.empty()) return now_;
  const auto at = next_tick();
  if (!at) return std::nullopt;
  return instant_of(*at);
}

// What stood in an outer level's slot that begins now gets its place further in.
void TimerWheel::come_down() noexcept {
  for (int level = levels - 1; level > 0; --level) {
    if (current_ & ((std::uint64_t{1} << (level * slot_bits)) - 1)) continue;
    const std::uint64_t slot = (current_ >> (level * slot_bits)) & (slots - 1);
    List& list = wheel_[level][slot];
    filled_[level] &= ~(std::uint64_t{1} << slot);
    List moving;
    while (!list.empty()) {
      Timer& timer = *list.following;
      unlink(timer);
      append(moving, timer);
    }
    while (!moving.empty()) {
      Timer& timer = *moving.following;
      unlink(timer);
      place(timer);
    }
  }
}

void TimerWheel::fire(List& list) noexcept {
  List firing;
  while (!list.empty()) {
    Timer& timer = *list.following;
    unlink(timer);
    append(firing, timer);
  }
  while (!firing.empty()) {  // a timer may disarm others of this list, or be armed again, from inside
    Timer& timer = *firing.following;
    unlink(timer);
    timer.armed = false;
    --armed_;
    timer.fired();
  }
}

void TimerWheel::advance(Instant now) noexcept {
  now_ = std::max(now_, now);
  if (armed_ == 0) {
    current_ = std::max(current_, tick_of(now_));
    return;
  }
  fire(due_);
  const std::uint64_t target = tick_of(now_);
  while (current_ < target) {
    const auto at = next_tick();
    if (!at || *at > target) break;
    current_ = *at;
    come_down();
    const std::uint64_t slot = current_ & (slots - 1);
    filled_[0] &= ~(std::uint64_t{1} << slot);
    fire(wheel_[0][slot]);
    fire(due_);
  }
  current_ = std::max(current_, target);
}

}  // namespace ringpost::ring
