#include <algorithm>
#include <chrono>

#include <ringpost/store/maildrops.h>

#include "core.h"

namespace ringpost::store {

using namespace std::chrono_literals;
using ring::Task;

namespace {

constexpr Duration drain_looks_every = 10ms;

// A close that deletes nothing, to another core: nobody waits for it.
class CloseNote final : public ring::Message {
 public:
  CloseNote(Core& there, OpenMaildrop& maildrop) : there_(there), maildrop_(maildrop) {}
  void delivered() noexcept override {
    there_.owner.close_now(maildrop_);
    delete this;
  }

 private:
  Core& there_;
  OpenMaildrop& maildrop_;
};

Task<bool> close_reader_there(Core& there, OpenMaildrop& maildrop, const Snapshot& snapshot) {
  there.owner.close_reader(maildrop, snapshot);
  co_return true;
}

}  // namespace

Core::Core(ring::Proactor& its_proactor, const config::Store& its_settings, ring::Descriptor data, EventLog& its_log,
           std::span<Maildrops* const> all)
    : proactor(its_proactor),
      settings(its_settings),
      disk(its_proactor, data),
      log(its_log),
      peers(all),
      cache(disk, settings, counters),
      reserve(*this),
      folders(*this),
      owner(*this) {}

Core& Core::peer(std::uint32_t core) const noexcept {
  ensure(core < peers.size());
  return *peers[core]->state_;
}

Core& Core::owner_of(std::string_view account) const noexcept {
  return peer(owner_core_of(account, proactor.cores()));
}

Lease::Lease(Lease&& other) noexcept
    : maildrop_(std::exchange(other.maildrop_, nullptr)),
      place_(other.place_),
      turn_(other.turn_),
      account_(std::move(other.account_)),
      snapshot_(other.snapshot_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  ensure(!held());
  maildrop_ = std::exchange(other.maildrop_, nullptr);
  place_ = other.place_;
  turn_ = other.turn_;
  account_ = std::move(other.account_);
  snapshot_ = other.snapshot_;
  return *this;
}

Lease::~Lease() {
  ensure(!held());
}

Maildrops::Maildrops(ring::Proactor& proactor, const config::Store& settings, ring::Descriptor data, EventLog& log,
                     std::span<Maildrops* const> peers)
    : state_(std::make_unique<State>(proactor, settings, data, log, peers)) {}

Maildrops::~Maildrops() = default;

Task<std::expected<void, StoreError>> Maildrops::start() {
  const std::int64_t synced = co_await state_->disk.sync_folder("");
  if (synced < 0) co_return std::unexpected(StoreError::temporary);
  co_await state_->reserve.start();
  co_return std::expected<void, StoreError>{};
}

Task<std::expected<Lease, StoreError>> Maildrops::open(std::string account, Holder& holder) {
  State& here = *state_;
  if (here.draining) co_return std::unexpected(StoreError::ending);
  Core& there = here.owner_of(account);
  const HolderId id = here.holders.enter(here.here(), holder);
  Granted granted = std::unexpected(StoreError::temporary);
  if (&there == &here) {
    if (auto at_once = here.owner.open_now(account, id))
      granted = *at_once;
    else
      granted = co_await here.owner.open(account, id, holder.client_address());
  } else {
    auto call = on_core<Granted>(here, there, [&account, id, &holder](Core& asked) {
      return asked.owner.open(account, id, holder.client_address());
    });
    granted = co_await call;
  }
  if (!granted) {
    here.holders.leave(id);
    co_return std::unexpected(granted.error());
  }
  Lease lease;
  lease.maildrop_ = granted->maildrop;
  lease.place_ = id.place;
  lease.turn_ = id.turn;
  lease.account_ = std::move(account);
  lease.snapshot_ = granted->snapshot;
  co_return lease;
}

Task<std::expected<void, StoreError>> Maildrops::close(Lease&& lease, std::vector<SnapshotIndex> deleted) {
  State& here = *state_;
  Lease mine = std::move(lease);
  OpenMaildrop& maildrop = *std::exchange(mine.maildrop_, nullptr);
  Core& there = here.owner_of(mine.account_);
  // From here on whoever asks for the holder hears that its close is on the way.
  here.holders.leave({here.here(), mine.place_, mine.turn_});
  if (deleted.empty()) {
    if (&there == &here)
      here.owner.close_now(maildrop);
    else
      here.proactor.post(there.here(), *new CloseNote(there, maildrop));
    co_return std::expected<void, StoreError>{};
  }
  if (!std::is_sorted(deleted.begin(), deleted.end())) std::sort(deleted.begin(), deleted.end());
  deleted.erase(std::unique(deleted.begin(), deleted.end()), deleted.end());
  std::vector<Sequence> sequences;
  sequences.reserve(deleted.size());
  for (SnapshotIndex index : deleted) {
    sequences.push_back(mine.snapshot_.entry(index).sequence);
    if (sequences.size() % entries_a_turn == 0) co_await here.disk.next_turn();
  }
  Done done;
  if (&there == &here) {
    done = co_await here.owner.close(maildrop, sequences);
  } else {
    auto call = on_core<Done>(here, there,
                              [&maildrop, &sequences](Core& asked) { return asked.owner.close(maildrop, sequences); });
    done = co_await call;
  }
  co_return done;
}

Task<std::expected<LogView, StoreError>> Maildrops::view(const Lease& lease) {
  ensure(lease.held());
  if (lease.snapshot_.count() == 0) co_return std::unexpected(StoreError::no_such_message);
  auto viewed = co_await state_->cache.view(lease.account_, lease.snapshot_);
  co_return viewed;
}

void Maildrops::release(LogView view) noexcept {
  state_->cache.release(view);
}

Task<std::expected<AppendResult, StoreError>> Maildrops::append(std::string account, const Incoming& incoming) {
  State& here = *state_;
  if (here.draining) co_return std::unexpected(StoreError::ending);
  Core& there = here.owner_of(account);
  std::expected<AppendResult, StoreError> result = std::unexpected(StoreError::temporary);
  if (&there == &here) {
    result = co_await here.owner.append(account, incoming);
  } else {
    auto call = on_core<std::expected<AppendResult, StoreError>>(
        here, there, [&account, &incoming](Core& asked) { return asked.owner.append(account, incoming); });
    result = co_await call;
  }
  co_return result;
}

Task<std::expected<Lease, StoreError>> Maildrops::open_reader(std::string account) {
  State& here = *state_;
  if (here.draining) co_return std::unexpected(StoreError::ending);
  Core& there = here.owner_of(account);
  Granted granted = std::unexpected(StoreError::temporary);
  if (&there == &here) {
    granted = co_await here.owner.open_reader(account);
  } else {
    auto call = on_core<Granted>(here, there, [&account](Core& asked) { return asked.owner.open_reader(account); });
    granted = co_await call;
  }
  if (!granted) co_return std::unexpected(granted.error());
  Lease lease;
  lease.maildrop_ = granted->maildrop;
  lease.account_ = std::move(account);
  lease.snapshot_ = granted->snapshot;
  co_return lease;
}

Task<void> Maildrops::close_reader(Lease&& lease) {
  State& here = *state_;
  OpenMaildrop& maildrop = *std::exchange(lease.maildrop_, nullptr);
  const Snapshot snapshot = lease.snapshot_;
  Core& there = here.owner_of(lease.account_);
  if (&there == &here) {
    here.owner.close_reader(maildrop, snapshot);
    co_return;
  }
  auto call = on_core<bool>(
      here, there, [&maildrop, &snapshot](Core& asked) { return close_reader_there(asked, maildrop, snapshot); });
  (void)co_await call;
}

Task<std::expected<void, StoreError>> Maildrops::compact(std::string account) {
  State& here = *state_;
  if (here.draining) co_return std::unexpected(StoreError::ending);
  Core& there = here.owner_of(account);
  Done done;
  if (&there == &here) {
    done = co_await here.owner.compact(account);
  } else {
    auto call = on_core<Done>(here, there, [&account](Core& asked) { return asked.owner.compact(account); });
    done = co_await call;
  }
  co_return done;
}

Task<std::expected<CheckReport, StoreError>> Maildrops::check(std::string account) {
  State& here = *state_;
  if (here.draining) co_return std::unexpected(StoreError::ending);
  auto call = on_core<std::expected<CheckReport, StoreError>>(
      here, here.owner_of(account), [&account](Core& asked) { return asked.owner.check(account); });
  auto report = co_await call;
  co_return report;
}

Task<std::expected<RepairReport, StoreError>> Maildrops::repair(std::string account) {
  State& here = *state_;
  if (here.draining) co_return std::unexpected(StoreError::ending);
  auto call = on_core<std::expected<RepairReport, StoreError>>(
      here, here.owner_of(account), [&account](Core& asked) { return asked.owner.repair(account); });
  auto report = co_await call;
  co_return report;
}

const StoreCounters& Maildrops::counters() const noexcept {
  return state_->counters;
}

const config::Store& Maildrops::settings() const noexcept {
  return state_->settings;
}

Task<void> Maildrops::drain() {
  State& here = *state_;
  here.draining = true;
  here.reserve.stop();
  // Looked at rather than told: it happens once in a process, and what is waited for has many ends.
  while (here.gate.count() > 0 || here.holders.count() > 0 || !here.owner.idle()) {
    ring::Pause pause(here.proactor, here.proactor.now() + drain_looks_every);
    co_await pause;
  }
  here.owner.forget_all();
  here.cache.clear();
}

}  // namespace ringpost::store
