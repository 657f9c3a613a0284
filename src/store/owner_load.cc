// A maildrop's first use in a process: names, index, log, what lies in doubt (M5, M7, M8).
#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include <ringpost/base/mutant.h>
#include <ringpost/store/recovery.h>

#include "core.h"

namespace ringpost::store {

using ring::Task;

namespace {

StoreError error_of(std::int64_t result) noexcept {
  return result == -ENOTDIR || result == -ELOOP || result == -EISDIR ? StoreError::damaged : StoreError::temporary;
}

struct FolderContents {
  LogPresence log = LogPresence::missing_alone;
  std::vector<std::string> leftovers;  // of a rewriting that did not get to its rename
};

FolderContents contents_of(const std::vector<ring::FolderEntry>& entries) {
  FolderContents contents;
  bool mail = false;
  bool others = false;
  for (const auto& entry : entries) {
    if (entry.name == "mail")
      mail = true;
    else if (entry.name == "mail.new" || entry.name == "index.new" || entry.name == "imported.new")
      contents.leftovers.push_back(entry.name);
    else if (entry.name != "." && entry.name != "..")
      others = true;
  }
  contents.log = mail     ? LogPresence::holds_octets
                 : others ? LogPresence::missing_beside_files
                          : LogPresence::missing_alone;
  return contents;
}

}  // namespace

Task<Done> Owner::ensure_ready(OpenMaildrop& maildrop) {
  while (maildrop.files != OpenMaildrop::Files::unknown) {
    if (maildrop.files == OpenMaildrop::Files::ready) co_return Done{};
    (void)co_await maildrop.changed.raised();
  }
  maildrop.files = OpenMaildrop::Files::loading;
  Done done = co_await load(maildrop);
  if (done && maildrop.log.names_in_doubt && maildrop.log.end > 0) done = co_await rewrite(maildrop, RewriteFor::names);
  maildrop.files = done ? OpenMaildrop::Files::ready : OpenMaildrop::Files::unknown;
  if (done) core_.counters.summary_messages += maildrop.summary.count();
  recount(maildrop);
  maildrop.changed.raise();
  trim();
  // Whoever was woken by this may have begun a repair already.
  while (done && maildrop.files == OpenMaildrop::Files::loading) (void)co_await maildrop.changed.raised();
  if (done && maildrop.files != OpenMaildrop::Files::ready) done = std::unexpected(StoreError::temporary);
  co_return done;
}

Task<void> Owner::open_ahead(OpenMaildrop& maildrop) {
  InHand hand(maildrop);
  (void)co_await ensure_ready(maildrop);  // those who need it ask again, and get the error
}

Task<Done> Owner::load(OpenMaildrop& maildrop) {
  const bool names_in_doubt = maildrop.log.names_in_doubt;
  maildrop.log = {};
  maildrop.log.names_in_doubt = names_in_doubt;
  maildrop.summary = {};
  maildrop.imports.reset();

  Opened folder = co_await core_.disk.open(maildrop.where.folder, O_RDONLY | O_DIRECTORY);
  if (folder.result == -ENOENT) {
    maildrop.log.index_whole = true;
    co_return Done{};
  }
  if (folder.result < 0) co_return std::unexpected(error_of(folder.result));
  maildrop.log.folder_made = true;
  std::vector<ring::FolderEntry> entries;
  ring::Awaited list(core_.proactor, ring::OpKind::list_folder);
  list.fd = folder.file.fd();
  list.entries = &entries;
  const std::int64_t listed = co_await list;
  if (listed < 0) co_return std::unexpected(StoreError::temporary);
  const FolderContents contents = contents_of(entries);
  for (const std::string& name : contents.leftovers) {
    const std::string path = maildrop.path(name);
    (void)co_await core_.disk.unlink(path);  // one that stays is in nobody's way
  }
  if (!RINGPOST_MUTANT(folder_names_not_synced_again)) {
    const std::int64_t synced = co_await sync_names(maildrop);
    if (synced < 0) co_return std::unexpected(StoreError::temporary);
  }
  Done done = co_await load_files(maildrop, contents.log);
  co_return done;
}

// The log to read, and how many octets it has.
Task<Done> Owner::open_log(const OpenMaildrop& maildrop, File& log, std::uint64_t& octets) {
  const std::string path = maildrop.path("mail");
  Opened opened = co_await core_.disk.open(path, O_RDONLY);
  if (opened.result < 0) co_return std::unexpected(error_of(opened.result));
  log = std::move(opened.file);
  const std::int64_t size = co_await core_.disk.size(log.fd());
  if (size < 0) co_return std::unexpected(StoreError::temporary);
  octets = static_cast<std::uint64_t>(size);
  co_return Done{};
}

// Nothing of it can be shown.
Done Owner::damaged_as_a_whole(const OpenMaildrop& maildrop, std::string_view what) {
  ++core_.counters.damage_found;
  core_.log.write(
      LogLevel::error, "store_damage",
      {{"account", maildrop.account}, {"file", maildrop.path("mail")}, {"offset", std::uint64_t{0}}, {"what", what}});
  return std::unexpected(StoreError::damaged);
}

Task<Done> Owner::load_files(OpenMaildrop& maildrop, LogPresence presence) {
  File log;
  std::uint64_t log_octets = 0;
  if (presence == LogPresence::holds_octets) {
    const Done opened = co_await open_log(maildrop, log, log_octets);
    if (!opened) co_return opened;
    if (log_octets == 0) presence = LogPresence::empty;
  }

  auto listing = std::make_unique<Listing>();
  IndexReader reader;
  const std::int64_t index_read = co_await read_index(maildrop, reader, listing.get());
  if (index_read < 0 && index_read != -ENOENT) co_return std::unexpected(StoreError::temporary);
  const IndexReader* index = index_read < 0 ? nullptr : &reader;

  OpenPlan plan = decide_open(presence, index_presence(index, log_octets));
  ScanSummary summary;
  AfterScanPlan after{AfterScan::serve_index_anew, ""};
  while (plan.action == OpenAction::trust_index || plan.action == OpenAction::rebuild) {
    if (plan.action == OpenAction::rebuild) listing = std::make_unique<Listing>();
    LogScan log_scan(scan_start(plan, index, log_octets), *listing);
    const std::int64_t scanned = co_await scan(log.fd(), log_scan);
    if (scanned < 0) co_return std::unexpected(StoreError::temporary);
    summary = log_scan.summary();
    after = decide_after_scan(plan.action, scan_outcome(plan, summary, index, log_octets));
    if (after.action != AfterScan::rebuild) break;
    plan.action = OpenAction::rebuild;
  }
  if (plan.action == OpenAction::damaged) co_return damaged_as_a_whole(maildrop, plan.reason);
  if (after.action == AfterScan::damaged) co_return damaged_as_a_whole(maildrop, after.reason);
  if (plan.action == OpenAction::begin_empty) {
    if (index) co_await drop_index(maildrop);
    maildrop.log.index_whole = true;
    co_return Done{};
  }

  listing->finish();
  const bool from_index = after.action == AfterScan::serve;
  ++(from_index ? core_.counters.opens_from_index : core_.counters.opens_by_scan);
  const MendPlan mend = mend_plan(summary, listing->torn(), log_octets);
  report(maildrop, *listing, mend);
  if (summary.edition) {
    maildrop.log.edition = *summary.edition;
  } else {
    core_.proactor.fill_random(maildrop.log.edition.id.octets);
  }
  maildrop.log.end = summary.append_at;
  maildrop.log.next_sequence = mend.next_sequence.value;
  if (mend.needed && !RINGPOST_MUTANT(shown_without_rewrite)) {
    RINGPOST_MARK("what lies behind D is written again");
    Done mended = co_await mend_doubt(maildrop, mend);
    if (!mended) co_return mended;
  }
  maildrop.log.synced = maildrop.log.end;
  maildrop.log.record_octets_alive = listing->log_octets_alive();
  co_await fill_summary(maildrop, *listing);
  if (!listing->damage().empty()) {
    // Without an index the next process sees it too: an index would pass over what is damaged.
    maildrop.log.damaged = true;
    co_await drop_index(maildrop);
    co_return Done{};
  }
  const std::uint64_t known_to = from_index ? index->last_record_offset() : 0;
  const std::uint64_t valid_octets = from_index ? index->valid_octets() : 0;
  co_await bring_index_up_to_date(maildrop, *listing, valid_octets, known_to,
                                  index ? static_cast<std::uint64_t>(index_read) : 0);
  co_return Done{};
}

// How many octets the file has; -ENOENT: there is none.
Task<std::int64_t> Owner::read_index(OpenMaildrop& maildrop, IndexReader& reader, Listing* listing) {
  const std::string path = maildrop.path("index");
  Opened opened = co_await core_.disk.open(path, O_RDONLY);
  if (opened.result < 0) co_return opened.result;
  std::vector<std::byte> window(window_octets);
  std::uint64_t offset = 0;
  while (true) {
    const std::int64_t octets = co_await core_.disk.read(opened.file.fd(), offset, window);
    if (octets < 0) co_return octets;
    if (octets == 0) break;
    reader.feed(Octets(window).first(static_cast<std::size_t>(octets)));
    while (const IndexEntry* entry = reader.next())
      if (listing) listing->take(*entry);
    offset += static_cast<std::uint64_t>(octets);
  }
  reader.finish();
  co_return static_cast<std::int64_t>(offset);
}

Task<std::int64_t> Owner::scan(ring::Descriptor log, LogScan& scan) {
  std::vector<std::byte> window;
  while (const auto want = scan.want()) {
    if (window.size() < want->octets) window.resize(want->octets);
    const std::int64_t octets = co_await core_.disk.read(log, want->offset, MutableOctets(window).first(want->octets));
    if (octets < 0) co_return octets;
    if (static_cast<std::size_t>(octets) != want->octets) co_return -EIO;
    scan.feed(Octets(window).first(want->octets));
  }
  co_return 0;
}

// Octets from D's page on are written again, unchanged: a sync alone would not bring back what a failed one lost. Then
// a skip for each torn stretch. All of that is synced before anything of it is shown or answered.
Task<Done> Owner::mend_doubt(OpenMaildrop& maildrop, const MendPlan& plan) {
  const std::string path = maildrop.path("mail");
  Opened opened = co_await core_.disk.open(path, O_RDWR);
  std::int64_t result = opened.result;
  std::vector<std::byte> window(std::min<std::uint64_t>(window_octets, plan.write_again.octets));
  for (std::uint64_t at = plan.write_again.offset; result >= 0 && at < plan.write_again.end(); at += window.size()) {
    const MutableOctets part =
        MutableOctets(window).first(std::min<std::uint64_t>(window.size(), plan.write_again.end() - at));
    result = co_await core_.disk.read(opened.file.fd(), at, part);
    if (result >= 0 && static_cast<std::size_t>(result) != part.size()) result = -EIO;
    if (result < 0) break;
    result = co_await core_.disk.write(opened.file.fd(), at, part);
  }
  if (result >= 0 && !plan.skips.empty()) {
    const std::string skips = encode_skips(plan, maildrop.log.edition);
    result = co_await write_at_need(opened.file.fd(), plan.append_at, octets_of(skips));
    maildrop.log.end = aligned_up(plan.append_at + skips.size());
    maildrop.log.next_sequence += plan.skips.size();
    core_.counters.skips_written += plan.skips.size();
  }
  if (result >= 0) {
    result = co_await core_.disk.sync(opened.file.fd());
    ++core_.counters.syncs;
    if (result < 0) ++core_.counters.failed_syncs;
  }
  if (result < 0) co_return std::unexpected(StoreError::temporary);
  co_return Done{};
}

// What must be written even on a full disk draws on the reserve, and tries once more where another writer took the room
// (M11).
Task<std::int64_t> Owner::write_at_need(ring::Descriptor fd, std::uint64_t offset, Octets octets) {
  std::int64_t result = co_await core_.disk.write(fd, offset, octets);
  for (int draws = 0; result == -ENOSPC && draws < draws_max; ++draws) {
    const bool drawn = co_await core_.reserve.draw();
    if (!drawn) break;
    result = co_await core_.disk.write(fd, offset, octets);
  }
  co_return result;
}

Task<void> Owner::fill_summary(OpenMaildrop& maildrop, const Listing& listing) {
  std::uint32_t in_this_turn = 0;
  for (const ListedMessage& message : listing.messages()) {
    if (!message.alive) continue;
    maildrop.summary.add({.sequence = message.sequence,
                          .log_offset = message.log_offset,
                          .octets = message.octets,
                          .reply_octets = message.reply_octets,
                          .reply_skip = message.reply_skip(),
                          .header_octets = message.header_part_octets,
                          .unreadable = !message.readable,
                          .uidl = listing.uidl(message)});
    if (++in_this_turn < entries_a_turn) continue;
    in_this_turn = 0;
    co_await core_.disk.next_turn();
  }
}

// Each skip and each damaged stretch is told with file, offset and length (M7).
void Owner::report(OpenMaildrop& maildrop, const Listing& listing, const MendPlan& mend) {
  const std::string file = maildrop.path("mail");
  const auto tell = [&](LogLevel level, std::string_view event, const Stretch& stretch) {
    core_.log.write(
        level, event,
        {{"account", maildrop.account}, {"file", file}, {"offset", stretch.offset}, {"octets", stretch.octets}});
  };
  for (const Stretch& stretch : listing.damage()) tell(LogLevel::error, "store_damage", stretch);
  for (const Stretch& stretch : mend.skips) tell(LogLevel::warning, "store_skip", stretch);
  core_.counters.damage_found += listing.damage().size();
}

}  // namespace ringpost::store
