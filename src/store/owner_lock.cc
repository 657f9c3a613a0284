// The lock, who has it, and how it passes on (M12, M13).
#include <algorithm>
#include <chrono>

#include <ringpost/base/mutant.h>

#include "core.h"

namespace ringpost::store {

using namespace std::chrono_literals;
using ring::Task;

namespace {
constexpr Duration contender_waits_max = 5s;
constexpr Duration probe_answer_max = 1500ms;  // a living peer shows within it
constexpr Duration probe_look_every = 100ms;
constexpr std::uint32_t unanswered_least = 2;
}  // namespace

bool Owner::free_for_login(const OpenMaildrop& maildrop) const noexcept {
  return maildrop.files == OpenMaildrop::Files::ready && !maildrop.locked && !maildrop.space_work;
}

Grant Owner::take_lock(OpenMaildrop& maildrop, HolderId holder) {
  maildrop.locked = true;
  maildrop.holder = holder;
  maildrop.lent_to_holder = maildrop.summary.list();
  return {&maildrop, maildrop.summary.snapshot(maildrop.log.edition)};
}

std::optional<Grant> Owner::open_now(std::string_view account, HolderId holder) {
  OpenMaildrop* maildrop = find(account);
  if (!maildrop || core_.draining || !free_for_login(*maildrop)) return std::nullopt;
  touch(*maildrop);
  ++core_.counters.opens_from_summary;
  return take_lock(*maildrop, holder);
}

Task<Granted> Owner::open(std::string_view account, HolderId holder, std::string_view client_address) {
  if (core_.draining) co_return std::unexpected(StoreError::ending);
  if (!name_allowed(account)) co_return std::unexpected(StoreError::name_refused);
  OpenMaildrop& maildrop = find_or_make(account);
  InHand hand(maildrop);
  if (free_for_login(maildrop)) ++core_.counters.opens_from_summary;
  const Instant deadline = core_.proactor.now() + contender_waits_max;
  while (!free_for_login(maildrop)) {
    if (maildrop.files != OpenMaildrop::Files::ready) {
      auto ready = co_await ensure_ready(maildrop);
      if (!ready) co_return std::unexpected(ready.error());
    } else if (maildrop.space_work) {
      ++maildrop.wanted;
      (void)co_await maildrop.changed.raised();
      --maildrop.wanted;
    } else {
      const bool passes = co_await lock_passes(maildrop, client_address, deadline);
      if (!passes) {
        ++core_.counters.in_use;
        co_return std::unexpected(StoreError::in_use);
      }
    }
  }
  if (core_.draining) co_return std::unexpected(StoreError::ending);
  co_return take_lock(maildrop, holder);
}

// True: look again, the lock may be free. The holder is asked on its own core, behind everything that is under way
// there.
Task<bool> Owner::lock_passes(OpenMaildrop& maildrop, std::string_view client_address, Instant deadline) {
  const HolderId holder = maildrop.holder;
  Core& there = core_.peer(holder.core.value);
  auto call = on_core<HolderAnswer>(
      core_, there, [holder, client_address](Core& asked) { return asked.examine(holder, client_address); });
  const HolderAnswer answer = co_await call;
  if (answer == HolderAnswer::alive) co_return false;
  if (answer == HolderAnswer::ended) ++core_.counters.takeovers;
  const bool same = maildrop.locked && maildrop.holder.place == holder.place && maildrop.holder.turn == holder.turn &&
                    maildrop.holder.core == holder.core;
  if (!same) co_return true;
  if (RINGPOST_MUTANT(lock_passed_before_close)) {
    maildrop.lent_to_readers.push_back(std::move(maildrop.lent_to_holder));
    maildrop.locked = false;
    co_return true;
  }
  const bool freed = co_await maildrop.changed.raised_before(core_.proactor, deadline);
  co_return freed;
}

void Owner::give_lock_back(OpenMaildrop& maildrop) {
  ensure(maildrop.locked || RINGPOST_MUTANT(lock_freed_twice) || RINGPOST_MUTANT(lock_passed_before_close));
  maildrop.locked = false;
  maildrop.lent_to_holder.reset();
  if (RINGPOST_MUTANT(lock_freed_twice)) ring::spawn(core_.gate, give_lock_back_again(maildrop));
}

Task<void> Owner::give_lock_back_again(OpenMaildrop& maildrop) {
  InHand hand(maildrop);
  ring::Pause pause(core_.proactor, core_.proactor.now() + 20ms);
  co_await pause;
  if (!maildrop.locked) co_return;
  maildrop.lent_to_readers.push_back(std::move(maildrop.lent_to_holder));
  maildrop.locked = false;
  maildrop.changed.raise();
}

// A session that deletes nothing: nothing is written, nobody waits.
void Owner::close_now(OpenMaildrop& maildrop) {
  if (RINGPOST_MUTANT(lock_not_freed_on_drop)) return;
  InHand hand(maildrop);
  give_lock_back(maildrop);
  maildrop.changed.raise();
  consider_space(maildrop);
  trim();
}

Task<Granted> Owner::open_reader(std::string_view account) {
  if (core_.draining) co_return std::unexpected(StoreError::ending);
  if (!name_allowed(account)) co_return std::unexpected(StoreError::name_refused);
  OpenMaildrop& maildrop = find_or_make(account);
  InHand hand(maildrop);
  while (maildrop.files != OpenMaildrop::Files::ready || maildrop.space_work) {
    if (maildrop.space_work) {
      ++maildrop.wanted;
      (void)co_await maildrop.changed.raised();
      --maildrop.wanted;
      continue;
    }
    auto ready = co_await ensure_ready(maildrop);
    if (!ready) co_return std::unexpected(ready.error());
  }
  if (!maildrop.log.folder_made) co_return std::unexpected(StoreError::not_found);
  maildrop.lent_to_readers.push_back(maildrop.summary.list());
  co_return Grant{&maildrop, maildrop.summary.snapshot(maildrop.log.edition)};
}

void Owner::close_reader(OpenMaildrop& maildrop, const Snapshot& snapshot) {
  auto& lent = maildrop.lent_to_readers;
  const auto mine =
      std::find_if(lent.begin(), lent.end(), [&](const auto& list) { return snapshot.lent_from(list.get()); });
  ensure(mine != lent.end());
  lent.erase(mine);
  consider_space(maildrop);
  trim();
}

// --- On the holder's core ---

HolderId HolderTable::enter(ring::CoreIndex core, Holder& holder) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.emplace_back();
  }
  const std::uint32_t place = free_.back();
  free_.pop_back();
  places_[place].holder = &holder;
  ++count_;
  return {core, place, places_[place].turn};
}

void HolderTable::leave(HolderId id) noexcept {
  ensure(find(id) != nullptr);
  places_[id.place].holder = nullptr;
  ++places_[id.place].turn;
  free_.push_back(id.place);
  --count_;
}

Holder* HolderTable::find(HolderId id) const noexcept {
  if (id.place >= places_.size() || places_[id.place].turn != id.turn) return nullptr;
  return places_[id.place].holder;
}

Task<HolderAnswer> Core::examine(HolderId id, std::string_view contender_address) {
  // What has already happened to the holder's connection is told to it first: its end may be among it.
  co_await disk.next_turn();
  Holder* holder = holders.find(id);
  if (!holder || holder->ending()) co_return HolderAnswer::closing;
  const bool silent = proactor.now() - holder->last_heard() >= settings.takeover_silence;
  if (holder->update_begun() || !silent || holder->client_address() != contender_address) co_return HolderAnswer::alive;
  const bool dead = co_await peer_is_dead(id, holder->socket());
  holder = holders.find(id);
  if (!holder || holder->ending()) co_return HolderAnswer::closing;
  const bool still_silent = proactor.now() - holder->last_heard() >= settings.takeover_silence;
  if (!dead || !still_silent || holder->update_begun()) co_return HolderAnswer::alive;
  RINGPOST_MARK("a dead peer's session is ended for another");
  log.write(LogLevel::info, "maildrop_taken_over", {{"client", contender_address}});
  holder->end_for_take_over();
  co_return HolderAnswer::ended;
}

// With octets queued the kernel sends no keepalives, but its retransmissions tell; a living client that just reads
// slowly answers those.
Task<bool> Core::peer_is_dead(HolderId id, ring::Descriptor socket) {
  if (holders.find(id)->octets_queued() > 0) {
    const ring::PeerState peer = proactor.peek_peer(socket);
    co_return peer.known&& peer.retransmits + peer.unanswered_probes >= unanswered_least;
  }
  const Instant begun = proactor.now();
  proactor.begin_probing(socket);
  while (proactor.now() - begun < probe_answer_max) {
    ring::Pause pause(proactor, proactor.now() + probe_look_every);
    co_await pause;
    Holder* holder = holders.find(id);
    if (!holder || holder->ending()) co_return false;
    const ring::PeerState peer = proactor.peek_peer(socket);
    if (!peer.known || peer.since_last_ack < proactor.now() - begun) co_return false;
  }
  co_return true;
}

}  // namespace ringpost::store
