// src/store/core.h: what a core's Maildrops is made of, and calls from core to core.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <ringpost/store/maildrops.h>

#include "disk.h"
#include "folders.h"
#include "log_cache.h"
#include "owner.h"
#include "reserve.h"

namespace ringpost::store {

// The sessions of this core that hold a maildrop, or ask for one. A question about a place whose turn is over finds
// nobody: that holder's close is on the way.
class HolderTable {
 public:
  HolderId enter(ring::CoreIndex core, Holder&);
  void leave(HolderId) noexcept;
  Holder* find(HolderId) const noexcept;
  std::uint32_t count() const noexcept { return count_; }

 private:
  struct Place {
    Holder* holder = nullptr;
    std::uint32_t turn = 0;
  };
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
  std::uint32_t count_ = 0;
};

enum class HolderAnswer : std::uint8_t { closing, ended, alive };

struct Core {
  Core(ring::Proactor&, const config::Store&, ring::Descriptor data, EventLog&, std::span<Maildrops* const> peers);

  ring::Proactor& proactor;
  const config::Store settings;
  Disk disk;
  EventLog& log;
  std::span<Maildrops* const> peers;
  StoreCounters counters;
  ring::Gate gate;
  HolderTable holders;
  LogCache cache;
  Reserve reserve;
  Folders folders;
  Owner owner;
  bool draining = false;

  ring::CoreIndex here() const noexcept { return proactor.core(); }
  Core& peer(std::uint32_t core) const noexcept;
  Core& owner_of(std::string_view account) const noexcept;

  // On the holder's core: may its lock pass (M12, M13)?
  ring::Task<HolderAnswer> examine(HolderId, std::string_view contender_address);

 private:
  ring::Task<bool> peer_is_dead(HolderId, ring::Descriptor socket);
};

struct Maildrops::State final : Core {
  using Core::Core;
};

// Runs `call` (a Task<Result> of a Core&) on another core and comes back with what it returned. Lives in the frame of
// who awaits it; nothing can fail on the way.
template <typename Result, typename Call>
class OnCore final : public ring::Message {
 public:
  OnCore(Core& here, Core& there, Call call) : here_(here), there_(there), call_(std::move(call)) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    here_.proactor.post(there_.here(), *this);
  }
  Result await_resume() { return std::move(*result_); }

  void delivered() noexcept override {
    if (result_) {
      waiter_.resume();
    } else {
      ring::spawn(there_.gate, run());
    }
  }

 private:
  ring::Task<void> run() {
    Result result = co_await call_(there_);
    result_.emplace(std::move(result));
    there_.proactor.post(here_.here(), *this);  // the last touch: the frame that this lives in goes on
  }

  Core& here_;
  Core& there_;
  Call call_;
  std::optional<Result> result_;
  std::coroutine_handle<> waiter_;
};

template <typename Result, typename Call>
OnCore<Result, Call> on_core(Core& here, Core& there, Call call) {
  return {here, there, std::move(call)};
}

}  // namespace ringpost::store
