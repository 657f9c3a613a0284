// Giving space back: an empty file, or a new one with what lives (M9).
#include <cerrno>
#include <chrono>
#include <fcntl.h>

#include <ringpost/base/mutant.h>

#include "core.h"
#include "rewrite.h"

namespace ringpost::store {

using namespace std::chrono_literals;
using ring::Task;

namespace {
constexpr Duration after_a_failure = 60s;
constexpr Duration after_giving_up = 10s;

Task<bool> drop_there(Core& core, std::string account) {
  core.cache.drop(account);
  co_return true;
}
}  // namespace

// Asked whenever a lock, a reader or the writer has gone.
void Owner::consider_space(OpenMaildrop& maildrop) {
  if (maildrop.files != OpenMaildrop::Files::ready || maildrop.in_use_by_anybody() || core_.draining) return;
  if (maildrop.log.end == 0 || maildrop.log.failed || core_.proactor.now() < maildrop.space_not_before) return;
  if (maildrop.log.damaged && !maildrop.log.names_in_doubt) return;  // octets that a person may still want
  const std::uint64_t dead = maildrop.log.end - maildrop.log.record_octets_alive;
  const bool worth_it = dead > core_.settings.compaction_floor && dead > maildrop.log.record_octets_alive;
  if (maildrop.summary.count() > 0 && !worth_it && !maildrop.log.names_in_doubt) return;
  maildrop.space_work = true;
  ring::spawn(core_.gate, give_space_back(maildrop));
}

Task<void> Owner::give_space_back(OpenMaildrop& maildrop) {
  InHand hand(maildrop);
  co_await core_.disk.next_turn();  // the answer to QUIT goes out first (M6)
  Done done;
  if (maildrop.summary.count() == 0 && !maildrop.log.names_in_doubt)
    done = co_await truncate(maildrop);
  else
    done = co_await rewrite(maildrop, RewriteFor::space);
  if (!done)
    maildrop.space_not_before =
        core_.proactor.now() + (done.error() == StoreError::in_use ? after_giving_up : after_a_failure);
  end_space_work(maildrop);
}

void Owner::end_space_work(OpenMaildrop& maildrop) {
  maildrop.space_work = false;
  recount(maildrop);
  maildrop.changed.raise();
  trim();
}

// No batch in flight, and none begins before let_appends_go().
Task<void> Owner::hold_appends(OpenMaildrop& maildrop) {
  maildrop.appends_held = true;
  while (maildrop.writing) (void)co_await maildrop.changed.raised();
}

void Owner::let_appends_go(OpenMaildrop& maildrop) {
  maildrop.appends_held = false;
  maildrop.changed.raise();
}

// All dead, nobody reading or delivering: the file becomes empty, and its next record begins a new edition.
Task<Done> Owner::truncate(OpenMaildrop& maildrop) {
  if (!RINGPOST_MUTANT(truncation_with_import)) co_await hold_appends(maildrop);
  std::int64_t result = 0;
  const bool still_dead = maildrop.summary.count() == 0 && maildrop.log.end > 0 && !maildrop.log.failed;
  if (still_dead && (!maildrop.queue || RINGPOST_MUTANT(truncation_with_import)))
    result = co_await truncate_held(maildrop);
  let_appends_go(maildrop);
  if (result < 0) co_return std::unexpected(StoreError::temporary);
  co_return Done{};
}

Task<std::int64_t> Owner::truncate_held(OpenMaildrop& maildrop) {
  auto listing = std::make_unique<Listing>();
  std::int64_t result = co_await read_listing(maildrop, *listing);
  if (result >= 0 && !RINGPOST_MUTANT(ledger_after_record_gone))
    result = co_await bring_ledger_up_to_date(maildrop, *listing);
  if (result < 0) co_return result;
  // First the index, and durably: one that names octets behind the log's end tells of a loss (M7).
  const std::string index_path = maildrop.path("index");
  Opened index = co_await core_.disk.open(index_path, O_RDWR);
  if (index.result >= 0) {
    maildrop.log.index_whole = false;
    result = co_await core_.disk.truncate(index.file.fd(), 0);
    if (result >= 0) result = co_await core_.disk.sync(index.file.fd());
  } else if (index.result != -ENOENT) {
    result = index.result;
  }
  if (result < 0) co_return result;
  co_await drop_cached_logs(maildrop);
  const std::string path = maildrop.path("mail");
  Opened log = co_await core_.disk.open(path, O_RDWR);
  if (log.result < 0) co_return log.result;
  result = co_await core_.disk.truncate(log.file.fd(), 0);
  if (result < 0) co_return result;
  maildrop.log.edition = {};
  maildrop.log.end = maildrop.log.synced = 0;
  maildrop.log.record_octets_alive = 0;
  maildrop.log.index_end = 0;
  maildrop.log.index_whole = true;
  maildrop.summary = {};
  ++core_.counters.truncations;
  if (RINGPOST_MUTANT(ledger_after_record_gone)) result = co_await bring_ledger_up_to_date(maildrop, *listing);
  co_return result;
}

Task<void> Owner::drop_cached_logs(OpenMaildrop& maildrop) {
  if (RINGPOST_MUTANT(compaction_under_reader)) co_return;
  for (std::uint32_t core = 0; core < core_.proactor.cores(); ++core) {
    Core& there = core_.peer(core);
    if (&there == &core_) {
      core_.cache.drop(maildrop.account);
      continue;
    }
    auto call = on_core<bool>(core_, there, [&maildrop](Core& asked) { return drop_there(asked, maildrop.account); });
    (void)co_await call;
  }
}

// A person asked for it: regardless of the thresholds, but not under a session or reader.
Task<Done> Owner::compact(std::string_view account) {
  if (core_.draining) co_return std::unexpected(StoreError::ending);
  if (!name_allowed(account)) co_return std::unexpected(StoreError::name_refused);
  OpenMaildrop& maildrop = find_or_make(account);
  InHand hand(maildrop);
  while (maildrop.files != OpenMaildrop::Files::ready || maildrop.space_work) {
    if (maildrop.space_work) {
      (void)co_await maildrop.changed.raised();
      continue;
    }
    auto ready = co_await ensure_ready(maildrop);
    if (!ready) co_return std::unexpected(ready.error());
  }
  if (!maildrop.log.folder_made) co_return std::unexpected(StoreError::not_found);
  if (maildrop.locked || !maildrop.lent_to_readers.empty()) co_return std::unexpected(StoreError::in_use);
  if (maildrop.log.end == 0) co_return Done{};
  if (maildrop.log.damaged) co_return std::unexpected(StoreError::damaged);
  if (maildrop.log.failed) co_return std::unexpected(StoreError::temporary);
  maildrop.space_work = true;
  Done done;
  if (maildrop.summary.count() == 0)
    done = co_await truncate(maildrop);
  else
    done = co_await rewrite(maildrop, RewriteFor::space);
  end_space_work(maildrop);
  co_return done;
}

}  // namespace ringpost::store
