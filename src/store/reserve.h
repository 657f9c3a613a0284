// src/store/reserve.h: room kept aside, so that a full disk does not keep people from deleting (M11).
//
// Core 0 keeps the file; every core knows whether it is whole, by message.
#pragma once

#include <ringpost/ring/task.h>

#include "disk.h"

namespace ringpost::store {

struct Core;

class Reserve {
 public:
  static constexpr std::uint64_t step_octets = 1 << 20;

  explicit Reserve(Core& core) : core_(core), refill_(*this) {}
  ~Reserve();

  // On every core. While it is not whole, nothing comes in: deliveries, imports and spools are refused.
  bool whole() const noexcept { return whole_; }
  // Gives one step of room back to the file system. False: there is none left.
  ring::Task<bool> draw();

  // On the keeper.
  ring::Task<void> start();
  void stop() noexcept;

 private:
  class Refill final : public ring::Timer {
   public:
    explicit Refill(Reserve& reserve) : reserve_(reserve) {}
    void fired() noexcept override;

   private:
    Reserve& reserve_;
  };
  class Note;

  ring::Task<bool> draw_here();
  ring::Task<void> refill();
  void tell_all(bool whole);

  Core& core_;
  Refill refill_;
  bool whole_ = true;
  bool stopped_ = false;
};

}  // namespace ringpost::store
