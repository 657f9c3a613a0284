// ringpost/ring/task.h: coroutines that read from top to bottom as the protocol does.
//
// A Task starts when it is awaited or spawned and runs on one core's thread to its end. It is never destroyed while it
// waits: whoever wants it to end makes what it waits for complete (cancel, doom, deadline), and it returns by itself.
// Ownership: the awaiting frame owns the awaited one; a spawned task owns itself and is counted by its Gate.
// Failures are values; an exception that leaves a task stops the process.
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <utility>

#include <ringpost/base/ensure.h>

namespace ringpost::ring {

template <typename T>
class Task;

namespace detail {

struct FinalTransfer {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
    return ended.promise().continuation;
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalTransfer final_suspend() const noexcept { return {}; }
  [[noreturn]] void unhandled_exception() const noexcept {
    ensure_failed("no exception leaves a task", std::source_location::current());
  }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object() noexcept;
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace detail

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (frame_) frame_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> frame;
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) const noexcept {
        frame.promise().continuation = waiter;
        return frame;
      }
      T await_resume() const { return frame.promise().take(); }
    };
    return Awaiter{frame_};
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

namespace detail {
template <typename T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>{std::coroutine_handle<Promise<T>>::from_promise(*this)};
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>{std::coroutine_handle<Promise<void>>::from_promise(*this)};
}
}  // namespace detail

// Counts what is under way on one core. Closed at shutdown and awaited; its destructor insists that nothing is left.
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { ensure(count_ == 0); }

  std::uint32_t count() const noexcept { return count_; }

  // Resumes at once if nothing is inside, else when the last one left. One waiter at a time.
  auto emptied() noexcept {
    struct Awaiter {
      Gate& gate;
      bool await_ready() const noexcept { return gate.count_ == 0; }
      void await_suspend(std::coroutine_handle<> waiter) const noexcept {
        ensure(!gate.waiter_);
        gate.waiter_ = waiter;
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }

  void enter() noexcept { ++count_; }
  void leave() noexcept {
    ensure(count_ > 0);
    if (--count_ == 0 && waiter_) std::exchange(waiter_, nullptr).resume();
  }

 private:
  std::uint32_t count_ = 0;
  std::coroutine_handle<> waiter_;
};

namespace detail {
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept {
      ensure_failed("no exception leaves a task", std::source_location::current());
    }
  };
};
inline Detached run_detached(Task<void> task, Gate& gate) {
  co_await std::move(task);
  gate.leave();
}
}  // namespace detail

// Starts a task at once; it runs until its first wait before this returns. The gate outlives it.
inline void spawn(Gate& gate, Task<void> task) {
  gate.enter();
  detail::run_detached(std::move(task), gate);
}

}  // namespace ringpost::ring
