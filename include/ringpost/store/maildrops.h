// ringpost/store/maildrops.h: a core's door to all maildrops, wherever their owner core is.
//
// open, append, commit deletions, read a range: nothing of paths in it, so that messages may lie elsewhere one day.
// Threads: one Maildrops a core, all calls on that core; requests travel to the owner core (hash(account) mod cores) by
// message and come back as the task's result. Accounts are given as the accounts room spells them (canonical).
// Lifetime: outlives every task it started; drain() before destruction.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/base/event_log.h>
#include <ringpost/config/configuration.h>
#include <ringpost/ring/connection.h>
#include <ringpost/ring/task.h>
#include <ringpost/store/check.h>
#include <ringpost/store/snapshot.h>

namespace ringpost::store {

// Who holds a maildrop's lock, as the owner may ask about it (M12, M13). Implemented by the session; called on the
// session's core only, while the lease is open.
class Holder {
 public:
  virtual ~Holder() = default;
  virtual std::string_view client_address() const noexcept = 0;  // numeric, without the port
  virtual bool ending() const noexcept = 0;                      // its close is on the way: the contender waits for it
  virtual bool update_begun() const noexcept = 0;
  virtual Instant last_heard() const noexcept = 0;           // last command or newly acknowledged octet
  virtual ring::Descriptor socket() const noexcept = 0;      // to be probed
  virtual std::uint64_t octets_queued() const noexcept = 0;  // not yet acknowledged
  virtual void end_for_take_over() noexcept = 0;             // ends without UPDATE; its close follows
};

class Owner;  // store-private
struct Core;
struct OpenMaildrop;
struct CachedLog;

// A maildrop held exclusively, and its snapshot. Move-only; must be given to Maildrops::close (insisted on).
class Lease {
 public:
  Lease() = default;
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();

  bool held() const noexcept { return maildrop_ != nullptr; }
  const Snapshot& snapshot() const noexcept { return snapshot_; }

 private:
  friend class Maildrops;
  OpenMaildrop* maildrop_ = nullptr;  // its owner core's
  std::uint32_t place_ = 0;           // in this core's table of holders
  std::uint32_t turn_ = 0;
  std::string account_;
  Snapshot snapshot_;
};

// A maildrop's log, open for reading on this core. Borrowed: give it back in the same core with release().
struct LogView {
  ring::Descriptor file = ring::no_descriptor;
  ring::Mapping mapping;        // for residency questions only
  CachedLog* cached = nullptr;  // store-private
};

// One message on its way in, already in wire normal form (store/wire_form.h), with stuffed dots and without terminator.
struct Incoming {
  std::span<const Octets> wire_form;  // in memory, or ...
  ring::Descriptor spooled =
      ring::no_descriptor;  // ... an unnamed file of the same file system, whose octets 0..wire_octets are it
  std::uint64_t wire_octets = 0;
  std::uint64_t octets = 0;         // as RFC 1939 counts them: without stuffed dots
  std::uint32_t header_octets = 0;  // of the wire form, with the empty line
  std::uint32_t wire_crc32c = 0;    // of the wire form
  WallTime received;                // zero: now
  std::uint32_t flags = 0;          // store/format.h MessageFlags
  std::string uidl;                 // empty: a new random one (M16)
  SourceId source;                  // zero: not an import
};

enum class Appended : std::uint8_t { stored, already_there };
struct AppendResult {
  Appended what = Appended::stored;
  Sequence sequence;
  std::string uidl;            // the one it got
  bool uidl_replaced = false;  // the wanted one was taken (M16)
};

struct StoreCounters {
  std::uint64_t appends = 0, append_batches = 0, syncs = 0, failed_syncs = 0, failed_writes = 0;
  std::uint64_t opens_from_summary = 0, opens_from_index = 0, opens_by_scan = 0, skips_written = 0, damage_found = 0;
  std::uint64_t updates = 0, messages_deleted = 0, compactions = 0, truncations = 0, takeovers = 0, in_use = 0;
  std::uint64_t summary_octets = 0, summary_messages = 0, files_cached = 0, reserve_missing = 0;
};

class Maildrops {
 public:
  // `data` is the data folder's descriptor. `peers` has the Maildrops of all cores, by core, complete before the first
  // call.
  Maildrops(ring::Proactor&, const config::Store&, ring::Descriptor data, EventLog&, std::span<Maildrops* const> peers);
  ~Maildrops();

  // Once a process, on one core, before anything is opened: folders made and synced (M5), leftovers removed, reserve
  // looked at (M11).
  ring::Task<std::expected<void, StoreError>> start();

  // Takes the lock and lends the snapshot (P017). The holder outlives the lease. in_use, temporary, damaged,
  // name_refused. A maildrop that does not exist is opened as an empty one.
  ring::Task<std::expected<Lease, StoreError>> open(std::string account, Holder&);

  // Without `deleted` it waits for nothing. The views of this lease are given back before.
  // UPDATE and release in one: the tombstones of `deleted` are synced (none: nothing is written), the lock is free,
  // then this returns (M6). On an error nothing counts as deleted, and the lock is free all the same (P037, P038).
  ring::Task<std::expected<void, StoreError>> close(Lease&&, std::vector<SnapshotIndex> deleted);

  // The maildrop's log on this core, from the cache or opened now; edition-checked against the lease's snapshot (M9).
  // The snapshot holds a message (else no_such_message).
  ring::Task<std::expected<LogView, StoreError>> view(const Lease&);
  void release(LogView) noexcept;

  // Durable when it returns (M4). Copies nothing: `incoming` and what it names stay in place until then.
  ring::Task<std::expected<AppendResult, StoreError>> append(std::string account, const Incoming& incoming);

  // A snapshot without the lock (M14), for list, export, backup, check. Give it back with close_reader().
  ring::Task<std::expected<Lease, StoreError>> open_reader(std::string account);
  ring::Task<void> close_reader(Lease&&);

  // Verifies every CRC of the maildrop's files past the page cache, without the lock (M14, M18). It serves also where
  // open() says `damaged`. A message that does not verify is `unreadable` to later sessions of this process. not_found,
  // name_refused, ending; everything else is a finding.
  ring::Task<std::expected<CheckReport, StoreError>> check(std::string account);

  // Takes the lock (in_use while a session, a reader or a delivery has it). What is whole goes into a new edition,
  // UIDLs kept; the old log stays as mail.damaged-<its edition>. Nothing wrong: nothing is changed. An error leaves all
  // as it was; temporary: something cannot be read or written now.
  ring::Task<std::expected<RepairReport, StoreError>> repair(std::string account);

  // Takes the lock (in_use while a session holds it). Compaction regardless of the thresholds. damaged: octets that
  // were promised do not verify, and would be lost; repair keeps them.
  ring::Task<std::expected<void, StoreError>> compact(std::string account);

  const StoreCounters& counters() const noexcept;
  const config::Store& settings() const noexcept;

  // Waits until nothing is lent, in flight or open on this core; later calls answer `ending`. All cores' loops run on
  // until all have drained.
  ring::Task<void> drain();

 private:
  friend struct Core;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ringpost::store
