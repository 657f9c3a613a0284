#include <algorithm>
#include <cstdint>
#include <poll.h>
#include <utility>
#include <vector>

#include <ringpost/control/loop.h>

namespace ringpost::control {

void Loop::watch(int descriptor, short events, std::function<void(short)> ready) {
  watched_[descriptor] = {events, std::move(ready), next_number_++};
}

void Loop::change(int descriptor, short events) {
  const auto found = watched_.find(descriptor);
  if (found != watched_.end()) found->second.events = events;
}

void Loop::unwatch(int descriptor) {
  watched_.erase(descriptor);
}

void Loop::run_timers() {
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto then = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    then();
  }
}

void Loop::run_once() {
  std::vector<pollfd> asked;
  std::vector<std::uint64_t> numbers;
  for (const auto& [descriptor, watched] : watched_) {
    asked.push_back({descriptor, watched.events, 0});
    numbers.push_back(watched.number);
  }
  int wait = -1;
  if (!timers_.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now()).count();
    wait = static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }
  poll(asked.data(), asked.size(), wait);
  for (std::size_t at = 0; at < asked.size(); ++at) {
    if (asked[at].revents == 0) continue;
    const auto found = watched_.find(asked[at].fd);
    if (found == watched_.end() || found->second.number != numbers[at]) continue;
    const auto ready = found->second.ready;  // a copy: it may unwatch itself
    ready(asked[at].revents);
  }
  run_timers();
}

void Loop::run() {
  while (!stopped_) run_once();
}

}  // namespace ringpost::control
