// ringpost/control/loop.h: what the control thread waits for: descriptors and times, nothing else.
//
// One thread. A few dozen descriptors, so poll() is enough. A callback may watch, unwatch and stop.
#pragma once

#include <chrono>
#include <functional>
#include <map>

namespace ringpost::control {

class Loop {
 public:
  using Clock = std::chrono::steady_clock;

  // `ready` is told with the events that poll() gave. Watching again replaces.
  void watch(int descriptor, short events, std::function<void(short)> ready);
  void change(int descriptor, short events);
  void unwatch(int descriptor);

  // Once, not before `due`.
  void at(Clock::time_point due, std::function<void()> then) { timers_.emplace(due, std::move(then)); }

  // Until stop().
  void run();
  void run_once();
  void stop() noexcept { stopped_ = true; }

 private:
  struct Watched {
    short events = 0;
    std::function<void(short)> ready;
    std::uint64_t number = 0;  // a descriptor that was closed and came back is another one
  };
  void run_timers();

  std::map<int, Watched> watched_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  std::uint64_t next_number_ = 1;
  bool stopped_ = false;
};

}  // namespace ringpost::control
