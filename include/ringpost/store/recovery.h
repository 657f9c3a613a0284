// ringpost/store/recovery.h: what to do with the files of a maildrop when it is first used in a process (M7, M8, M2).
//
// Two decisions, each a table with one row a case (recovery.cc; a test walks every combination and insists on exactly
// one row for each). The owner does what they say:
//
//   1. Look at the folder, read `index` through an IndexReader (and into a Listing), then decide_open().
//   2. Scan `mail` as OpenPlan says (LogScan into the same Listing, or a fresh one for a rebuild).
//      Octets that cannot be read: give up, StoreError::temporary; nothing was changed.
//   3. decide_after_scan(). `rebuild`: the index did not fit after all: step 2 again from 0 with a fresh Listing.
//   4. mend_plan() says what to write before anything is shown, answered or appended (M8): the octets from D's page on
//      again in place, unchanged; one skip record for each torn stretch, at append_at and on; one sync of the data.
//      Then the index: cut to its valid part and caught up, or emptied and written anew.
//
// Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ringpost/store/index_format.h>
#include <ringpost/store/log_scan.h>
#include <ringpost/store/types.h>

namespace ringpost::store {

enum class LogPresence : std::uint8_t {
  missing_alone,  // no `mail`, nothing else there either (a leftover `mail.new` is removed first and not counted)
  missing_beside_files,  // no `mail`, but an index, a ledger or something foreign
  empty,                 // 0 octets
  holds_octets,
};

enum class IndexPresence : std::uint8_t {
  absent,       // none, empty, no entry, or not an index of ours
  fits_so_far,  // at least one valid entry, maybe a torn tail; its last record ends within the log
  holed,        // a valid entry behind an invalid one
  ahead,        // its last valid entry's record ends behind the log's end
};
// `reader` after finish(); nullptr: there is no index file.
IndexPresence index_presence(const IndexReader* reader, std::uint64_t log_octets) noexcept;

enum class OpenAction : std::uint8_t {
  begin_empty,  // nothing there: an empty maildrop; an index is emptied
  trust_index,  // scan from the last entry's record on, in the index's edition
  rebuild,      // scan from 0 with a fresh listing; the index is thrown away
  damaged,      // login [SYS/PERM], delivery 451; a person runs `mailbox repair`
};
struct OpenPlan {
  OpenAction action = OpenAction::damaged;
  const char* reason = "";  // for the log line: why, in a few words
};
OpenPlan decide_open(LogPresence, IndexPresence) noexcept;

// The scan that a plan asks for. `index` as for index_presence; its D counts wherever its edition turns out to be the
// log's.
ScanStart scan_start(const OpenPlan&, const IndexReader* index, std::uint64_t log_octets) noexcept;

enum class ScanOutcome : std::uint8_t {
  fits,            // trusted: the record at the start is the one that the index's last entry names
  does_not_fit,    // trusted: it is not
  records,         // rebuild: the log has valid records; the index (if any) is of another edition or within the log
  index_ahead,     // rebuild: ... and an index of the same edition names octets behind the log's end
  torn_beginning,  // no valid record; begins with a sector of zeros or with our magic: a first append that never ended
  foreign,         // no valid record, and it is none of these
};
ScanOutcome scan_outcome(const OpenPlan&, const ScanSummary&, const IndexReader* index,
                         std::uint64_t log_octets) noexcept;

enum class AfterScan : std::uint8_t { serve, serve_index_anew, rebuild, damaged };
struct AfterScanPlan {
  AfterScan action = AfterScan::damaged;
  const char* reason = "";
};
AfterScanPlan decide_after_scan(OpenAction, ScanOutcome) noexcept;

// What M8 asks for before the maildrop is served.
struct MendPlan {
  bool needed = false;
  Stretch write_again;         // from D's page to the log's end: read it, write it in place unchanged
  std::vector<Stretch> skips;  // one skip record for each, in this order, at append_at and on
  std::uint64_t append_at = 0;
  Sequence next_sequence;    // of the first skip, or of the next record
  std::uint64_t synced = 0;  // the value that the skips bear: D. After the sync it is the end of the last record
};
// `torn`: Listing::torn(). A log without a valid record gets a new edition by the caller.
MendPlan mend_plan(const ScanSummary&, const std::vector<Stretch>& torn, std::uint64_t log_octets);

// The skip records of a plan, one behind the other, to be written at append_at.
std::string encode_skips(const MendPlan&, const Edition&);

}  // namespace ringpost::store
