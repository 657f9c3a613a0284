#include <array>

#include <ringpost/base/mutant.h>

namespace ringpost {

namespace {

#define RINGPOST_NAMED(name) \
  MutantName {               \
    Mutant::name, #name      \
  }
constexpr std::array names = {
    RINGPOST_NAMED(missing_sync_of_mail),
    RINGPOST_NAMED(index_before_record_sync),
    RINGPOST_NAMED(index_trusted_behind_invalid),
    RINGPOST_NAMED(shown_without_rewrite),
    RINGPOST_NAMED(failed_sync_forgotten),
    RINGPOST_NAMED(skip_and_records_in_one_sync),
    RINGPOST_NAMED(compacted_file_not_sealed),
    RINGPOST_NAMED(folder_names_not_synced_again),
    RINGPOST_NAMED(refused_tombstone_counts),
    RINGPOST_NAMED(lock_freed_twice),
    RINGPOST_NAMED(lock_not_freed_on_drop),
    RINGPOST_NAMED(lock_passed_before_close),
    RINGPOST_NAMED(deletion_answered_before_durable),
    RINGPOST_NAMED(compaction_under_reader),
    RINGPOST_NAMED(append_into_replaced_file),
    RINGPOST_NAMED(truncation_with_import),
    RINGPOST_NAMED(ledger_after_record_gone),
    RINGPOST_NAMED(parent_folder_not_synced),
    RINGPOST_NAMED(direct_send_overtakes),
    RINGPOST_NAMED(late_completion_reaches_next_owner),
    RINGPOST_NAMED(uidl_used_twice),
    RINGPOST_NAMED(lost_wake_up),
};
#undef RINGPOST_NAMED
static_assert(names.size() == static_cast<std::size_t>(Mutant::lost_wake_up));

}  // namespace

std::span<const MutantName> mutant_names() noexcept {
  return names;
}

Mutant mutant_named(std::string_view name) noexcept {
  for (const auto& row : names)
    if (row.name == name) return row.mutant;
  return Mutant::none;
}

#ifdef RINGPOST_MUTANTS
Mutant planted_mutant = Mutant::none;

namespace {
MarkCounts& marks() noexcept {
  static MarkCounts counts;
  return counts;
}
}  // namespace

// Marks are for one thread's worlds; a test build of the daemon counts them without any promise.
void mark_met(const char* name) noexcept {
  for (auto& [known, count] : marks())
    if (known == name) {
      ++count;
      return;
    }
  marks().emplace_back(name, 1);
}

MarkCounts marks_met() {
  return marks();
}
#endif

}  // namespace ringpost
