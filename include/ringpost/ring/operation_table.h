// ringpost/ring/operation_table.h: which operation a completion belongs to.
//
// Every operation in flight stands in a slot; its tag (64 bit, the ring's user data) is the slot's number and the
// slot's turn. The turn grows whenever the slot is given back, so a completion that comes late, or twice, finds
// nobody and never reaches the slot's next owner. Used by both proactors. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include <ringpost/base/mutant.h>
#include <ringpost/ring/operation.h>

namespace ringpost::ring {

class OperationTable {
 public:
  // Tags whose lower half is this are not from here: proactors use them for completions of their own.
  static constexpr std::uint32_t foreign_slot = 0xffffffff;

  // Puts the operation in flight and returns its tag. Whose operation is in flight already made a mistake.
  std::uint64_t enter(Operation& operation) {
    ensure(!operation.in_flight);
    std::uint32_t slot = free_;
    if (slot == none) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      free_ = slots_[slot].next_free;
    }
    slots_[slot].operation = &operation;
    operation.slot = slot;
    operation.in_flight = true;
    ++in_flight_;
    return tag(slot);
  }

  std::uint64_t tag_of(const Operation& operation) const noexcept {
    ensure(operation.in_flight);
    return tag(operation.slot);
  }

  // Who waits for this completion; nullptr: nobody any more.
  Operation* find(std::uint64_t tag_value) const noexcept {
    const auto slot = static_cast<std::uint32_t>(tag_value);
    if (slot >= slots_.size()) return nullptr;
    if (slots_[slot].turn != static_cast<std::uint32_t>(tag_value >> 32) &&
        !RINGPOST_MUTANT(late_completion_reaches_next_owner))
      return nullptr;
    return slots_[slot].operation;
  }

  // Before the last completion is told: the slot is free for its next owner.
  void leave(Operation& operation) noexcept {
    Slot& slot = slots_[operation.slot];
    ensure(operation.in_flight && slot.operation == &operation);
    slot.operation = nullptr;
    ++slot.turn;
    slot.next_free = free_;
    free_ = operation.slot;
    operation.in_flight = false;
    --in_flight_;
  }

  std::uint32_t in_flight() const noexcept { return in_flight_; }

  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    for (const Slot& slot : slots_)
      if (slot.operation) visit(*slot.operation);
  }

 private:
  static constexpr std::uint32_t none = foreign_slot;

  struct Slot {
    Operation* operation = nullptr;
    std::uint32_t turn = 0;
    std::uint32_t next_free = none;
  };

  std::uint64_t tag(std::uint32_t slot) const noexcept { return std::uint64_t{slots_[slot].turn} << 32 | slot; }

  std::vector<Slot> slots_;
  std::uint32_t free_ = none;
  std::uint32_t in_flight_ = 0;
};

}  // namespace ringpost::ring
