// src/store/wait.h: coroutines of one core that wait for something about a maildrop to change, with or without an end.
#pragma once

#include <coroutine>

#include <ringpost/ring/proactor.h>

namespace ringpost::store {

class WaitList {
  struct Link {
    Link* before = this;
    Link* after = this;
    void unlink() noexcept {
      before->after = after;
      after->before = before;
      before = after = this;
    }
    void insert_before(Link& other) noexcept {
      before = other.before;
      after = &other;
      before->after = this;
      other.before = this;
    }
  };

 public:
  // co_await gives true when raised, false when the deadline came first.
  class Wait final : public ring::Timer, private Link {
   public:
    Wait(WaitList& list, ring::Proactor* proactor, Instant deadline)
        : list_(list), proactor_(proactor), deadline_(deadline) {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
      waiter_ = waiter;
      insert_before(list_.all_);
      if (proactor_) proactor_->arm(*this, deadline_);
    }
    bool await_resume() const noexcept { return raised_; }

    void fired() noexcept override {
      unlink();
      waiter_.resume();
    }

   private:
    friend class WaitList;
    WaitList& list_;
    ring::Proactor* proactor_;
    Instant deadline_;
    std::coroutine_handle<> waiter_;
    bool raised_ = false;
  };

  WaitList() = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;
  ~WaitList() { ensure(!awaited()); }

  Wait raised() noexcept { return {*this, nullptr, {}}; }
  Wait raised_before(ring::Proactor& proactor, Instant deadline) noexcept { return {*this, &proactor, deadline}; }
  bool awaited() const noexcept { return all_.after != &all_; }

  // Wakes, first come first, all that wait now. The list itself may be gone when this returns.
  void raise() {
    Link now;
    if (!awaited()) return;
    now.insert_before(all_);
    all_.unlink();  // the ring of links is now `now`'s
    while (now.after != &now) {
      auto* wait = static_cast<Wait*>(now.after);
      wait->unlink();
      if (wait->proactor_) wait->proactor_->disarm(*wait);
      wait->raised_ = true;
      wait->waiter_.resume();
    }
  }

 private:
  Link all_;
};

}  // namespace ringpost::store
