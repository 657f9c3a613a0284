// src/store/maildrop.h: what an owner core knows of one maildrop in use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/store/format.h>
#include <ringpost/store/maildrops.h>
#include <ringpost/store/names.h>

#include "disk.h"
#include "growing_set.h"
#include "summary.h"
#include "wait.h"

namespace ringpost::store {

// A holder's place in its own core's table; the turn number tells a later holder in the same place apart.
struct HolderId {
  ring::CoreIndex core;
  std::uint32_t place = 0;
  std::uint32_t turn = 0;
};

// Something to be appended: a message, or the tombstones of one QUIT. Lives in the frame of who waits for it.
struct LogRequest {
  const Incoming* message = nullptr;     // or ...
  std::span<const Sequence> tombstones;  // ... these
  int draws = 0;                         // on the reserve, for these
  LogRequest* next = nullptr;
  std::coroutine_handle<> waiter;
  std::expected<AppendResult, StoreError> result = std::unexpected(StoreError::temporary);
};

// Ids and UIDLs of everything in log and ledger, dead ones too (M16, M17). Read when an import begins.
struct ImportMemory {
  struct IdHash {
    std::uint64_t operator()(const Id128& id) const noexcept { return name_hash(text_of(Octets(id.octets))); }
  };
  struct AsItIs {
    std::uint64_t operator()(std::uint64_t hash) const noexcept { return hash; }
  };
  GrowingSet<Id128, IdHash> sources;
  GrowingSet<std::uint64_t, AsItIs> uidls;  // hashes: a false alarm gives a message a UIDL of its own, no more
  std::uint64_t ledger_end = 0;
  std::uint64_t memory() const noexcept { return sources.size() * 32 + uidls.size() * 16; }
};

// The log's and the index's state between writes.
struct LogState {
  Edition edition;  // zero while the log is empty
  std::uint64_t next_sequence = 1;
  std::uint64_t end = 0;     // where the next record begins
  std::uint64_t synced = 0;  // M2
  std::uint64_t record_octets_alive = 0;
  std::uint64_t index_end = 0;  // 0: the index is begun anew
  bool index_whole = false;     // it says all that the log says
  bool index_behind = false;    // but for the last batch, whose entries are on their way
  bool damaged = false;         // octets before D are none of ours: no space is given back before a repair (M7, M18)
  bool folder_made = false;
  bool names_in_doubt = false;  // a folder sync failed: nothing is acknowledged before a new rename and its sync (M5)

  // A write or sync failed (M8): the octets page_of(end)..end, and how far what failed reaches.
  bool failed = false;
  std::uint64_t failed_end = 0;
  std::string last_page;
};

struct OpenMaildrop {
  enum class Files : std::uint8_t { unknown, loading, ready };

  explicit OpenMaildrop(std::string_view name) : account(name), where(folder_of(name)) {}

  const std::string account;
  const MaildropFolder where;
  Files files = Files::unknown;
  Summary summary;
  LogState log;
  std::unique_ptr<ImportMemory> imports;
  bool ledger_sure = false;  // this process has synced the whole ledger as it is
  std::string ledger_page;   // a sync of the ledger failed: what stood in its last page before (M17)
  std::uint64_t ledger_page_at = 0;

  // The lock (M12) and what is lent.
  bool locked = false;
  HolderId holder;
  std::shared_ptr<const SummaryChunks> lent_to_holder;
  std::vector<std::shared_ptr<const SummaryChunks>> lent_to_readers;

  // The writer: one batch and one sync in flight (M4).
  LogRequest* queue = nullptr;
  LogRequest** queue_end = &queue;
  bool writer = false;        // a writer is at work, or waits for appends_held to end
  bool writing = false;       // a batch is in flight
  bool appends_held = false;  // compaction's last step, truncation

  bool space_work = false;     // compaction or truncation under way
  Instant space_not_before{};  // the last try failed or gave up
  std::uint32_t wanted = 0;    // logins and readers that wait for it to give up
  WaitList changed;            // any of the above

  std::uint32_t users = 0;        // tasks of the owner that have it in hand: not evicted
  OpenMaildrop* newer = nullptr;  // the owner's order of use
  OpenMaildrop* older = nullptr;
  std::uint64_t counted_memory = 0;

  std::string path(std::string_view file) const { return where.folder + '/' + std::string(file); }
  bool in_use_by_anybody() const noexcept { return locked || writer || space_work || !lent_to_readers.empty(); }
  // May not be evicted.
  bool in_use() const noexcept {
    return in_use_by_anybody() || users > 0 || log.failed || log.names_in_doubt || !ledger_page.empty() ||
           files == Files::loading || changed.awaited();
  }
};

// Has a maildrop in hand, so that it is not evicted meanwhile.
class InHand {
 public:
  explicit InHand(OpenMaildrop& maildrop) noexcept : maildrop_(maildrop) { ++maildrop_.users; }
  ~InHand() { --maildrop_.users; }
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;

 private:
  OpenMaildrop& maildrop_;
};

}  // namespace ringpost::store
