// ringpost/ring/awaitables.h: operations, timers and turns as things a coroutine can await.
//
// An awaitable lives in the awaiting frame, so the frame owns the memory in flight, as the ring's rules ask. Results
// are
// >= 0 or a negative errno. `co_await` them as a statement of their own (g++ 12 mishandles them inside expressions).
#pragma once

#include <coroutine>
#include <cstdint>
#include <utility>

#include <ringpost/ring/proactor.h>

namespace ringpost::ring {

// One single-shot operation: fill the fields, await, get the result.
class Awaited final : public Operation {
 public:
  Awaited(Proactor& proactor, OpKind what) : proactor_(proactor) { kind = what; }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    proactor_.start(*this);
  }
  std::int64_t await_resume() const noexcept { return result_; }

  void completed(const Completion& completion) noexcept override {
    result_ = completion.result;
    waiter_.resume();
  }

 private:
  Proactor& proactor_;
  std::coroutine_handle<> waiter_;
  std::int64_t result_ = 0;
};

// A pause until a point in time.
class Pause final : public Timer {
 public:
  Pause(Proactor& proactor, Instant until) : proactor_(proactor), until_(until) {}
  bool await_ready() const noexcept { return until_ <= proactor_.now(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    proactor_.arm(*this, until_);
  }
  void await_resume() const noexcept {}
  void fired() noexcept override { waiter_.resume(); }

 private:
  Proactor& proactor_;
  Instant until_;
  std::coroutine_handle<> waiter_;
};

// A job for a pool: derive, do the work in blocking_run(), await it. -EBUSY: the pool's queue is full.
class AwaitedJob : public Job {
 public:
  AwaitedJob(Proactor& proactor, PoolName name) : Job(name), proactor_(proactor) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    proactor_.start(*this);
  }
  std::int64_t await_resume() const noexcept { return result_; }
  void completed(const Completion& completion) noexcept override {
    result_ = completion.result;
    waiter_.resume();
  }

 protected:
  ~AwaitedJob() = default;

 private:
  Proactor& proactor_;
  std::coroutine_handle<> waiter_;
  std::int64_t result_ = 0;
};

// Something that one coroutine waits for and others on the same core announce. Announcing wakes whoever waits now.
class Signal {
 public:
  auto raised() noexcept {
    struct Awaiter {
      Signal& signal;
      std::coroutine_handle<> waiter{};
      Awaiter* next = nullptr;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) noexcept {
        waiter = handle;
        next = static_cast<Awaiter*>(signal.waiting_);
        signal.waiting_ = this;
        signal.resume_next_ = [](void* at) -> void* {
          auto* awaiter = static_cast<Awaiter*>(at);
          void* following = awaiter->next;
          awaiter->waiter.resume();
          return following;
        };
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }

  // Wakes all that wait now, last come first; those that wait again from inside are not woken by this call.
  void raise() {
    void* at = std::exchange(waiting_, nullptr);
    while (at) at = resume_next_(at);
  }

  bool awaited() const noexcept { return waiting_ != nullptr; }

 private:
  void* waiting_ = nullptr;
  void* (*resume_next_)(void*) = nullptr;
};

}  // namespace ringpost::ring
