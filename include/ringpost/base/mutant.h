// ringpost/base/mutant.h: faults that a test build plants on purpose, and marks for rare paths.
//
// A simulator that finds nothing proves little until it has found what was put there. Production code asks
// RINGPOST_MUTANT(name) where the fault would go wrong and does the wrong thing if it is the planted one:
//
//   if (!RINGPOST_MUTANT(missing_sync_of_mail)) result = co_await sync(log);
//
// In every ordinary build that is the constant `false` and costs nothing; only a build with Meson's option `mutants`
// knows the faults, and ringpost-sim --mutant NAME plants one. Never in a release. Threads: planted before any core
// starts, not changed afterwards.
//
// RINGPOST_MARK("what happened") counts that a rare path was met, in the same build; elsewhere it is nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace ringpost {

// The names are what --mutants lists. Who writes the code places them; sim finds them.
enum class Mutant : std::uint8_t {
  none,
  missing_sync_of_mail,                // M4: the log's fdatasync is left out, success is told
  index_before_record_sync,            // M3: the index entry is appended before its record is synced
  index_trusted_behind_invalid,        // M7: an invalid index entry is stepped over, those behind it count
  shown_without_rewrite,               // M8: what lies behind D is shown without being written again and synced
  failed_sync_forgotten,               // M8: after a failed sync the next successful one counts for both
  skip_and_records_in_one_sync,        // M8: the skip over what failed and new records share one sync
  compacted_file_not_sealed,           // M9: mail.new is renamed without its sealing skip
  folder_names_not_synced_again,       // M5: a folder that exists is not synced in the process's first use
  refused_tombstone_counts,            // M8: a refused QUIT's tombstones lie in the log without a skip over them
  lock_freed_twice,                    // M12: a close gives the lock back a second time, later
  lock_not_freed_on_drop,              // M12: a session that ends without QUIT keeps the lock
  lock_passed_before_close,            // M12: an ending holder counts as gone before its close has arrived
  deletion_answered_before_durable,    // M6: +OK to QUIT before the tombstones are synced
  compaction_under_reader,             // M9: the edition in the record's header is not compared after the rename
  append_into_replaced_file,           // M9: an append goes on into the descriptor that compaction has replaced
  truncation_with_import,              // M9: a truncation does not wait for deliveries under way
  ledger_after_record_gone,            // M17: the record is dropped before its id is synced in the ledger
  parent_folder_not_synced,            // M5: a new maildrop's parents are not synced
  direct_send_overtakes,               // DESIGN 5: sendfile goes out while a ring send is pending
  late_completion_reaches_next_owner,  // DESIGN 3: the slot's turn number is not compared
  uidl_used_twice,                     // M16: a colliding UIDL is kept
  lost_wake_up,                        // DESIGN 2: posting to a sleeping core's empty queue wakes nobody
};

struct MutantName {
  Mutant mutant;
  std::string_view name;
};
std::span<const MutantName> mutant_names() noexcept;
Mutant mutant_named(std::string_view name) noexcept;  // none: unknown

#ifdef RINGPOST_MUTANTS
inline constexpr bool mutants_built_in = true;
extern Mutant planted_mutant;
#define RINGPOST_MUTANT(name) (::ringpost::planted_mutant == ::ringpost::Mutant::name)

using MarkCounts = std::vector<std::pair<std::string_view, std::uint64_t>>;
void mark_met(const char* name) noexcept;  // a literal
MarkCounts marks_met();
#define RINGPOST_MARK(name) ::ringpost::mark_met(name)
#else
inline constexpr bool mutants_built_in = false;
#define RINGPOST_MUTANT(name) false
#define RINGPOST_MARK(name) static_cast<void>(0)
#endif

}  // namespace ringpost
