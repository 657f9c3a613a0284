// ringpost/ring/core_queue.h: messages waiting for one core, and whether it may sleep.
//
// Many threads post, one takes. Messages and the core's sleep stand in one word, so that the two cannot disagree:
//   nothing   the core is awake, nothing waits
//   asleep    the core sleeps, nothing waits; whoever posts next must wake it
//   a node    messages, the last one posted first; the core is awake or is being woken
// A core can only fall asleep by turning `nothing` into `asleep`, so it never sleeps on a non-empty queue, and exactly
// one of those who post to a sleeping core is told to wake it. Posting never fails and never waits: the node belongs
// to the sender. Used by both proactors.
#pragma once

#include <atomic>
#include <utility>

#include <ringpost/base/mutant.h>
#include <ringpost/ring/proactor.h>

namespace ringpost::ring {

class CoreQueue {
 public:
  CoreQueue() = default;
  CoreQueue(const CoreQueue&) = delete;
  CoreQueue& operator=(const CoreQueue&) = delete;

  // Any thread. true: the core sleeps, and this caller must wake it.
  [[nodiscard]] bool post(Message& message) noexcept {
    Message* top = top_.load(std::memory_order_relaxed);
    do {
      message.next.store(top == asleep() ? nullptr : top, std::memory_order_relaxed);
    } while (!top_.compare_exchange_weak(top, &message, std::memory_order_acq_rel, std::memory_order_relaxed));
    return top == asleep() && !RINGPOST_MUTANT(lost_wake_up);
  }

  // Any thread: is there a message that was not delivered yet? (The simulator asks it of a sleeping core.)
  bool waiting() const noexcept {
    const Message* top = top_.load(std::memory_order_acquire);
    return top != nullptr && top != asleep();
  }

  // --- The rest on the core's thread only ---------------------------------------------------------------------------

  // May the core sleep now? false: something waits. After true it must call woken() before anything else here.
  [[nodiscard]] bool fall_asleep() noexcept {
    Message* expected = nullptr;
    return top_.compare_exchange_strong(expected, asleep(), std::memory_order_acq_rel);
  }

  void woken() noexcept {
    Message* expected = asleep();
    top_.compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel);
  }

  bool empty() const noexcept { return top_.load(std::memory_order_acquire) == nullptr; }

  // Delivers what waits now, in the order of posting; what is posted meanwhile waits for the next call.
  std::size_t deliver_all() noexcept {
    if (empty()) return 0;
    Message* newest = top_.exchange(nullptr, std::memory_order_acq_rel);
    ensure(newest != asleep());  // a core that sleeps delivers nothing
    Message* oldest = nullptr;
    while (newest) {
      Message* earlier = newest->next.load(std::memory_order_relaxed);
      newest->next.store(oldest, std::memory_order_relaxed);
      oldest = std::exchange(newest, earlier);
    }
    std::size_t delivered = 0;
    while (oldest) {
      Message* message = std::exchange(oldest, oldest->next.load(std::memory_order_relaxed));
      message->delivered();  // it may be gone, or posted again, from here on
      ++delivered;
    }
    return delivered;
  }

 private:
  // No message lies at this address.
  Message* asleep() const noexcept { return reinterpret_cast<Message*>(const_cast<CoreQueue*>(this)); }

  std::atomic<Message*> top_{nullptr};
};

}  // namespace ringpost::ring
