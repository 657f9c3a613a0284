#include <algorithm>
#include <span>

#include <ringpost/base/ensure.h>
#include <ringpost/store/recovery.h>

namespace ringpost::store {
namespace {

template <typename Enum>
constexpr unsigned bit(Enum value) noexcept {
  return 1u << static_cast<unsigned>(value);
}
constexpr unsigned any = ~0u;

using enum LogPresence;
using enum IndexPresence;

// One row a case; exactly one fits each combination.
struct OpenRow {
  unsigned log;
  unsigned index;
  OpenPlan plan;
};
constexpr OpenRow open_rows[] = {
    // A: nobody ever wrote here.
    {bit(missing_alone), bit(absent), {OpenAction::begin_empty, "new"}},
    // B: the only truth is gone and something else is not: no emptiness, a person must look.
    {bit(missing_alone), any & ~bit(absent), {OpenAction::damaged, "mail is missing beside an index"}},
    {bit(missing_beside_files), any, {OpenAction::damaged, "mail is missing beside other files"}},
    // C: emptied, as after the last message was deleted. Index and log are emptied without a sync between them, so
    // after
    // a power cut old entries may still stand there; the empty log has no edition that they could share.
    {bit(empty), bit(absent), {OpenAction::begin_empty, "empty"}},
    {bit(empty), any & ~bit(absent), {OpenAction::begin_empty, "empty, its index outlived it"}},
    // D: the everyday case.
    {bit(holds_octets), bit(fits_so_far), {OpenAction::trust_index, "index"}},
    // E: no index, or one that lost something in its middle.
    {bit(holds_octets), bit(absent), {OpenAction::rebuild, "no index"}},
    {bit(holds_octets), bit(holed), {OpenAction::rebuild, "index has a valid entry behind an invalid one"}},
    // F: only the scan can tell whether that index is of this edition (damage) or of an earlier one (nothing).
    {bit(holds_octets), bit(ahead), {OpenAction::rebuild, "index names octets behind the log's end"}},
};

struct AfterScanRow {
  unsigned action;
  unsigned outcome;
  AfterScanPlan plan;
};
constexpr unsigned trusted = bit(OpenAction::trust_index);
constexpr AfterScanRow after_scan_rows[] = {
    // G: the index's last entry names the record that lies there.
    {trusted, bit(ScanOutcome::fits), {AfterScan::serve, "index fits"}},
    // H: another edition, or the record is damaged. A cache that does not fit is thrown away; the log decides alone.
    {trusted, any & ~bit(ScanOutcome::fits), {AfterScan::rebuild, "index does not fit the log"}},
    // I: the log decides.
    {any & ~trusted, bit(ScanOutcome::records), {AfterScan::serve_index_anew, "log scanned"}},
    // J: octets that were promised are gone from the end of the log.
    {any & ~trusted, bit(ScanOutcome::index_ahead), {AfterScan::damaged, "index is ahead of the log"}},
    // K: the first append of an edition was torn; nothing was promised. All of it becomes a skip.
    {any & ~trusted, bit(ScanOutcome::torn_beginning), {AfterScan::serve_index_anew, "first append torn"}},
    // L: not ours. Writing to it would destroy what a person put there.
    {any & ~trusted, bit(ScanOutcome::foreign), {AfterScan::damaged, "mail is not a log"}},
    // M: outcomes that only a trusted scan has.
    {any & ~trusted,
     bit(ScanOutcome::fits) | bit(ScanOutcome::does_not_fit),
     {AfterScan::rebuild, "index does not fit the log"}},
};

template <typename Row, typename Second>
const Row& row_of(std::span<const Row> rows, unsigned first_bit, unsigned second_bit, Second second) {
  const auto fits = [&](const Row& row) { return (row.*second & second_bit) != 0; };
  const Row* found = nullptr;
  for (const Row& row : rows) {
    unsigned first = 0;
    if constexpr (requires { row.log; })
      first = row.log;
    else
      first = row.action;
    if ((first & first_bit) == 0 || !fits(row)) continue;
    ensure(!found);
    found = &row;
  }
  ensure(found != nullptr);
  return *found;
}

bool has_entries(const IndexReader* index) noexcept {
  return index && index->state() != IndexReader::State::no_header && index->entries() > 0;
}

bool is_ahead(const IndexReader& index, std::uint64_t log_octets) noexcept {
  return index.last_record_end() > aligned_up(log_octets);
}

}  // namespace

IndexPresence index_presence(const IndexReader* index, std::uint64_t log_octets) noexcept {
  if (index && index->state() == IndexReader::State::holed) return holed;
  if (!has_entries(index)) return absent;
  return is_ahead(*index, log_octets) ? ahead : fits_so_far;
}

OpenPlan decide_open(LogPresence log, IndexPresence index) noexcept {
  return row_of(std::span<const OpenRow>(open_rows), bit(log), bit(index), &OpenRow::index).plan;
}

ScanStart scan_start(const OpenPlan& plan, const IndexReader* index, std::uint64_t log_octets) noexcept {
  ScanStart start;
  start.log_octets = log_octets;
  if (!has_entries(index)) return start;
  start.promised = index->last_record_end();
  start.promised_in = index->edition();
  if (plan.action == OpenAction::trust_index) {
    start.edition = index->edition();
    start.from = index->last_record_offset();
  }
  return start;
}

ScanOutcome scan_outcome(const OpenPlan& plan, const ScanSummary& summary, const IndexReader* index,
                         std::uint64_t log_octets) noexcept {
  if (plan.action == OpenAction::trust_index) {
    const bool fits =
        summary.first_end == index->last_record_end() && summary.first_sequence == index->last_record_sequence();
    return fits ? ScanOutcome::fits : ScanOutcome::does_not_fit;
  }
  if (!summary.edition)
    return summary.begins_with_zeros || summary.begins_with_magic ? ScanOutcome::torn_beginning : ScanOutcome::foreign;
  if (has_entries(index) && index->edition() == summary.edition && is_ahead(*index, log_octets))
    return ScanOutcome::index_ahead;
  return ScanOutcome::records;
}

AfterScanPlan decide_after_scan(OpenAction action, ScanOutcome outcome) noexcept {
  ensure(action == OpenAction::trust_index || action == OpenAction::rebuild);
  return row_of(std::span<const AfterScanRow>(after_scan_rows), bit(action), bit(outcome), &AfterScanRow::outcome).plan;
}

MendPlan mend_plan(const ScanSummary& summary, const std::vector<Stretch>& torn, std::uint64_t log_octets) {
  MendPlan plan;
  plan.append_at = summary.append_at;
  plan.next_sequence = Sequence{summary.last_sequence.value + 1};
  plan.synced = summary.promised;
  plan.needed = summary.in_doubt;
  if (!plan.needed) return plan;

  const std::uint64_t from = page_of(summary.promised);
  plan.write_again = {from, log_octets - from};
  plan.skips = torn;
  // What a torn record claimed behind the log's end stays zeros for ever: they are no damage.
  if (!torn.empty() && torn.back().end() == log_octets)
    plan.skips.back().octets = plan.append_at - plan.skips.back().offset;
  return plan;
}

std::string encode_skips(const MendPlan& plan, const Edition& edition) {
  std::string records;
  std::uint64_t sequence = plan.next_sequence.value;
  for (const Stretch& skip : plan.skips)
    records += encode_skip(edition, Sequence{sequence++}, plan.synced, skip.offset, skip.end());
  return records;
}

}  // namespace ringpost::store
