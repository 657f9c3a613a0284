// src/store/owner.h: the part of a core that owns maildrops: lock, files, summaries. All on the owner core's thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <ringpost/base/event_log.h>
#include <ringpost/config/configuration.h>
#include <ringpost/ring/task.h>
#include <ringpost/store/listing.h>
#include <ringpost/store/recovery.h>

#include "inspection.h"
#include "maildrop.h"

namespace ringpost::store {

struct Core;  // core.h: what a core's Maildrops is made of

struct Grant {
  OpenMaildrop* maildrop = nullptr;
  Snapshot snapshot;
};
using Granted = std::expected<Grant, StoreError>;
using Done = std::expected<void, StoreError>;

class Owner {
 public:
  explicit Owner(Core& core) : core_(core) {}
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner();

  // --- The lock (owner_lock.cc) ---
  // Without waiting, where nothing stands in the way: the way of nearly every poll.
  std::optional<Grant> open_now(std::string_view account, HolderId);
  ring::Task<Granted> open(std::string_view account, HolderId, std::string_view client_address);
  void close_now(OpenMaildrop&);
  ring::Task<Done> close(OpenMaildrop&, std::span<const Sequence> deleted);
  ring::Task<Granted> open_reader(std::string_view account);
  void close_reader(OpenMaildrop&, const Snapshot&);

  // --- The log's end (owner_append.cc) ---
  ring::Task<std::expected<AppendResult, StoreError>> append(std::string_view account, const Incoming&);

  // --- Space (owner_space.cc) ---
  ring::Task<Done> compact(std::string_view account);

  // --- Looking and mending (owner_repair.cc) ---
  ring::Task<std::expected<CheckReport, StoreError>> check(std::string_view account);
  ring::Task<std::expected<RepairReport, StoreError>> repair(std::string_view account);

  bool idle() const noexcept;
  void forget_all();  // at the end of a drain

 private:
  static constexpr int draws_max = 2;  // on the reserve, for one write (M11)
  struct Batch;
  struct Prepared;
  class Submitted;
  struct Rewrite;

  OpenMaildrop* find(std::string_view account) noexcept;
  OpenMaildrop& find_or_make(std::string_view account);
  void touch(OpenMaildrop&) noexcept;
  void unlink(OpenMaildrop&) noexcept;
  void recount(OpenMaildrop&) noexcept;
  void trim();
  bool free_for_login(const OpenMaildrop&) const noexcept;
  Grant take_lock(OpenMaildrop&, HolderId);
  void give_lock_back(OpenMaildrop&);
  ring::Task<void> give_lock_back_again(OpenMaildrop&);  // a mutant
  ring::Task<bool> lock_passes(OpenMaildrop&, std::string_view client_address, Instant deadline);

  // Opening the files (owner_load.cc)
  ring::Task<Done> ensure_ready(OpenMaildrop&);
  ring::Task<void> open_ahead(OpenMaildrop&);
  ring::Task<Done> load(OpenMaildrop&);
  ring::Task<Done> open_log(const OpenMaildrop&, File& log, std::uint64_t& octets);
  Done damaged_as_a_whole(const OpenMaildrop&, std::string_view what);
  ring::Task<Done> load_files(OpenMaildrop&, LogPresence);
  ring::Task<std::int64_t> read_index(OpenMaildrop&, IndexReader&, Listing*);
  ring::Task<std::int64_t> scan(ring::Descriptor, LogScan&);
  ring::Task<Done> mend_doubt(OpenMaildrop&, const MendPlan&);
  ring::Task<std::int64_t> write_at_need(ring::Descriptor, std::uint64_t offset, Octets);
  ring::Task<void> fill_summary(OpenMaildrop&, const Listing&);
  ring::Task<void> bring_index_up_to_date(OpenMaildrop&, const Listing&, std::uint64_t valid_octets,
                                          std::uint64_t known_to, std::uint64_t index_octets);
  void report(OpenMaildrop&, const Listing&, const MendPlan&);

  // Names (owner_names.cc)
  ring::Task<std::int64_t> sync_names(OpenMaildrop&);
  ring::Task<std::int64_t> open_first_file(OpenMaildrop&, File&);
  ring::Task<std::int64_t> name_first_file(OpenMaildrop&);

  // The index (owner_index.cc)
  ring::Task<void> append_to_index(OpenMaildrop&, std::string entries);
  ring::Task<void> drop_index(OpenMaildrop&);

  // Batches (owner_append.cc)
  ring::Task<void> write_log(OpenMaildrop&);
  ring::Task<void> write_batch(OpenMaildrop&);
  ring::Task<Done> ready_to_write(OpenMaildrop&, File&);
  ring::Task<void> prepare(OpenMaildrop&, Batch&);
  bool prepare_message(OpenMaildrop&, Batch&, LogRequest&);
  std::string choose_uidl(OpenMaildrop&, const Batch&, const Incoming&, bool& replaced);
  ring::Task<std::int64_t> write_and_sync(OpenMaildrop&, ring::Descriptor, Batch&);
  ring::Task<std::int64_t> write_records(ring::Descriptor, Batch&);
  ring::Task<std::int64_t> copy_spooled(ring::Descriptor, std::uint64_t offset, const Incoming&);
  ring::Task<void> write_failed(OpenMaildrop&, ring::Descriptor, Batch&, std::int64_t error);
  ring::Task<std::int64_t> mend_failure(OpenMaildrop&, ring::Descriptor);
  static void answer(Batch&, std::optional<StoreError>);
  ring::Task<void> collect_index_entries(OpenMaildrop&, Batch&);
  static IndexAdd index_add_of(const Prepared&);
  static std::vector<SequenceRun> runs_of(std::span<const Sequence>);
  ring::Task<void> apply(OpenMaildrop&, Batch&);
  void apply_message(OpenMaildrop&, const Prepared&);
  ring::Task<void> apply_tombstones(OpenMaildrop&, std::span<const Sequence>);

  // What an import must know (owner_ledger.cc)
  ring::Task<std::int64_t> load_imports(OpenMaildrop&);
  ring::Task<std::int64_t> read_listing(OpenMaildrop&, Listing&);
  ring::Task<std::int64_t> read_ledger(OpenMaildrop&, ImportMemory&);
  ring::Task<std::int64_t> bring_ledger_up_to_date(OpenMaildrop&, const Listing&);
  ring::Task<std::int64_t> name_ledger_anew(OpenMaildrop&, std::uint64_t end, const std::string& entries);
  ring::Task<std::int64_t> write_ledger_again(ring::Descriptor ledger, std::uint64_t end);
  ring::Task<std::int64_t> copy_ledger(ring::Descriptor from, ring::Descriptor to, std::uint64_t end);
  ring::Task<std::int64_t> append_to_ledger(OpenMaildrop&, std::uint64_t end, const std::string& entries);

  // Space (owner_space.cc, owner_rewrite.cc)
  enum class RewriteFor : std::uint8_t {
    space,   // gives up for a login
    names,   // must be, before the maildrop is used (M5)
    writer,  // the same, by the writer before its batch: appends wait anyway
  };
  void consider_space(OpenMaildrop&);
  void end_space_work(OpenMaildrop&);
  ring::Task<void> give_space_back(OpenMaildrop&);
  ring::Task<void> hold_appends(OpenMaildrop&);
  void let_appends_go(OpenMaildrop&);
  ring::Task<Done> truncate(OpenMaildrop&);
  ring::Task<std::int64_t> truncate_held(OpenMaildrop&);
  ring::Task<void> drop_cached_logs(OpenMaildrop&);
  ring::Task<Done> rewrite(OpenMaildrop&, RewriteFor);
  ring::Task<std::int64_t> rewrite_to_new_file(OpenMaildrop&, Rewrite&);
  ring::Task<std::int64_t> copy_living(OpenMaildrop&, Rewrite&, const Listing&);
  ring::Task<std::int64_t> copy_large(Rewrite&, const ListedMessage&);
  ring::Task<std::int64_t> write_for_rewrite(ring::Descriptor, std::uint64_t offset, const std::vector<Octets>&);
  static void note_copied(Rewrite&, const Listing&, const ListedMessage&, std::uint64_t offset);
  ring::Task<std::int64_t> flush_new_index(Rewrite&);
  ring::Task<std::int64_t> carry_over(OpenMaildrop&, Rewrite&);
  ring::Task<std::int64_t> seal_and_rename(OpenMaildrop&, Rewrite&);
  bool gives_up(const OpenMaildrop&, const Rewrite&) const noexcept;

  // Mending (owner_repair.cc)
  static void mark_unreadable(OpenMaildrop&, const Listing&);
  ring::Task<std::int64_t> mend(OpenMaildrop&, Inspection&, RepairReport&);
  ring::Task<std::int64_t> replace_log(OpenMaildrop&, Inspection&, RepairReport&);
  ring::Task<std::int64_t> replace_ledger(OpenMaildrop&);
  ring::Task<std::int64_t> set_aside(const OpenMaildrop&, const char* name, const std::optional<Edition>&,
                                     std::string& aside);

  Core& core_;
  struct NameHash {
    std::size_t operator()(std::string_view name) const noexcept { return name_hash(name); }
  };
  // Keyed by the maildrop's own name, which stays in place.
  std::unordered_map<std::string_view, std::unique_ptr<OpenMaildrop>, NameHash> maildrops_;
  OpenMaildrop* newest_ = nullptr;
  OpenMaildrop* oldest_ = nullptr;
  std::uint64_t memory_ = 0;
};

}  // namespace ringpost::store
