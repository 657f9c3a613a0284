#include <algorithm>

#include <ringpost/sim/events.h>

namespace ringpost::sim {

void Events::at(Instant due, Action action, std::uint32_t life) {
  heap_.push_back({std::max(due, now_), random_.next(), life, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool Events::step(Instant until) {
  while (!heap_.empty()) {
    if (heap_.front().due > until) break;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    if (event.life != of_the_world && event.life <= ended_through_) continue;
    now_ = event.due;
    ++handled_;
    event.action();
    return true;
  }
  if (until != Instant::max()) now_ = std::max(now_, until);
  return false;
}

}  // namespace ringpost::sim
