// ringpost/store/check.h: what `mailbox check` found and `mailbox repair` did (M7, M18).
//
// Values; who asks for them calls Maildrops::check() and Maildrops::repair(). Nothing in them is content of a message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/store/types.h>

namespace ringpost::store {

enum class FindingKind : std::uint8_t {
  // Harm: repair has something to do.
  log_missing,         // there is no `mail`, but other files
  log_foreign,         // `mail` is not a log
  log_cut,             // the index names octets behind the log's end
  damage,              // octets that were promised and are no valid record
  unreadable_message,  // listed, but its reply does not verify: RETR answers [SYS/PERM]
  index_differs,       // the index says what the log does not
  ledger_damage,       // entries of the ledger that do not verify
  uidl_twice,          // two messages of one UIDL
  cannot_be_read,      // the disk refuses these octets; repair refuses too, nothing is taken for lost
  // No harm: what a person may want to know.
  skip,         // octets that recovery took out of the log
  torn_tail,    // an append that was never answered; the next opening gives it its skip
  index_unfit,  // an index that will be made anew at the next opening
  set_aside,    // a file that an earlier repair put aside
};
const char* text_of(FindingKind) noexcept;
bool is_harm(FindingKind) noexcept;

struct Finding {
  FindingKind kind = FindingKind::damage;
  std::string file;  // below the data folder
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;
  std::string uidl;  // of an unreadable message, or of two messages
};

struct CheckReport {
  std::uint64_t messages = 0;     // living ones
  std::uint64_t octets = 0;       // as STAT counts
  std::uint64_t log_octets = 0;   // that were verified
  bool past_cache = true;         // false: the file system has no direct reads, the page cache may have answered
  std::vector<Finding> findings;  // findings_max at most, harm first come first kept
  std::uint64_t findings_left_out = 0;
  std::uint64_t harm = 0;  // findings that are harm, left out ones counted

  static constexpr std::size_t findings_max = 1000;
  bool whole() const noexcept { return harm == 0; }
  void add(Finding);
};

struct RepairReport {
  bool mended = false;  // false: nothing was wrong, nothing was changed
  std::uint64_t messages_kept = 0;
  std::uint64_t messages_lost = 0;  // listed before, and unreadable
  std::string set_aside;            // where the damaged log lies now, below the data folder; empty: it was not replaced
  CheckReport before;
};

}  // namespace ringpost::store
