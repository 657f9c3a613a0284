// Any octets as a log: the scan ends, reads nothing that is not there, and a listing comes out that agrees with itself.
// The first octet chooses: CRCs made to fit or not, whose payloads too, and whether everything is verified.
#include <cstddef>
#include <cstdint>
#include <string>

#include <ringpost/base/ensure.h>
#include <ringpost/store/listing.h>
#include <ringpost/store/recovery.h>

#include "verifying.h"

namespace ringpost::store {
namespace {

ScanSummary scan_log(const std::string& log, Listing& listing, bool verify_all) {
  ScanStart start;
  start.log_octets = log.size();
  start.verify_all = verify_all;
  LogScan scan(start, listing);
  while (auto want = scan.want()) {
    ensure(want->octets > 0 && want->octets <= LogScan::window_octets_max);
    ensure(want->offset + want->octets <= log.size());
    const std::string window = log.substr(want->offset, want->octets);
    scan.feed(octets_of(window));
  }
  listing.finish();
  return scan.summary();
}

void check_listing(const Listing& listing, const ScanSummary& summary) {
  std::uint64_t alive = 0;
  std::uint64_t before = 0;
  for (const auto& message : listing.messages()) {
    ensure(message.log_offset % record_alignment == 0 && message.log_offset >= before);
    before = message.log_offset + 1;
    ensure(is_valid_uidl(listing.uidl(message)));
    alive += message.alive;
  }
  ensure(alive == listing.alive());
  ensure(listing.messages().empty() || summary.edition);
  for (const Stretch& stretch : listing.torn()) ensure(stretch.octets > 0 && stretch.offset >= summary.promised);
}

}  // namespace
}  // namespace ringpost::store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringpost::store;
  if (size == 0) return 0;
  std::string log(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] & 1) make_records_verify(log, (data[0] & 2) != 0);
  Listing listing;
  const ScanSummary summary = scan_log(log, listing, (data[0] & 4) != 0);
  check_listing(listing, summary);
  ensure(summary.append_at % record_alignment == 0 && summary.append_at >= log.size());

  const MendPlan plan = mend_plan(summary, listing.torn(), log.size());
  if (!plan.needed || plan.append_at > log.size() + (1u << 20)) return 0;
  const std::uint64_t shown = listing.alive();
  log.resize(plan.append_at);
  log += encode_skips(plan, summary.edition.value_or(Edition{}));
  Listing again;
  const ScanSummary mended = scan_log(log, again, false);
  check_listing(again, mended);
  // Only where headers tell nothing that a writer of ours would not have written.
  if (!(data[0] & 1)) ensure(again.alive() == shown);
  return 0;
}
