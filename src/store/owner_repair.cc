// Looking at a maildrop octet by octet, and mending it without touching what is whole (M14, M18).
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>

#include <ringpost/store/ledger_format.h>

#include "core.h"
#include "rewrite.h"

namespace ringpost::store {

using namespace std::chrono_literals;
using ring::Task;

namespace {

constexpr Duration writer_looked_at_every = 5ms;
constexpr int names_aside_max = 100;

}  // namespace

Task<std::expected<CheckReport, StoreError>> Owner::check(std::string_view account) {
  if (core_.draining) co_return std::unexpected(StoreError::ending);
  if (!name_allowed(account)) co_return std::unexpected(StoreError::name_refused);
  OpenMaildrop& maildrop = find_or_make(account);
  InHand hand(maildrop);
  while (maildrop.space_work) {
    ++maildrop.wanted;
    (void)co_await maildrop.changed.raised();
    --maildrop.wanted;
  }
  const Done ready = co_await ensure_ready(maildrop);
  if (ready && !maildrop.log.folder_made) co_return std::unexpected(StoreError::not_found);
  // In use, it is lent like to any reader: nothing is truncated or replaced meanwhile. Else nobody writes there.
  std::shared_ptr<const SummaryChunks> lent;
  if (ready) {
    lent = maildrop.summary.list();
    maildrop.lent_to_readers.push_back(lent);
  }
  auto found = std::make_unique<Inspection>();
  co_await inspect(core_.disk, maildrop, ready ? maildrop.log.synced : 0, *found);
  if (ready) {
    mark_unreadable(maildrop, found->listing);
    auto& readers = maildrop.lent_to_readers;
    readers.erase(std::find(readers.begin(), readers.end(), lent));
    lent.reset();
    maildrop.changed.raise();
    consider_space(maildrop);
  }
  core_.counters.damage_found += found->report.harm;
  for (const Finding& finding : found->report.findings)
    if (is_harm(finding.kind))
      core_.log.write(LogLevel::error, "store_damage",
                      {{"account", maildrop.account},
                       {"file", finding.file},
                       {"offset", finding.offset},
                       {"octets", finding.octets},
                       {"what", text_of(finding.kind)}});
  trim();
  co_return std::move(found->report);
}

// The next session is refused what does not verify, in place of being sent it (M7).
void Owner::mark_unreadable(OpenMaildrop& maildrop, const Listing& listing) {
  for (const ListedMessage& message : listing.messages()) {
    if (!message.alive || message.readable) continue;
    const std::uint32_t index = maildrop.summary.find(message.sequence);
    if (index < maildrop.summary.count()) maildrop.summary.mark_unreadable(index);
  }
}

Task<std::expected<RepairReport, StoreError>> Owner::repair(std::string_view account) {
  if (core_.draining) co_return std::unexpected(StoreError::ending);
  if (!name_allowed(account)) co_return std::unexpected(StoreError::name_refused);
  OpenMaildrop& maildrop = find_or_make(account);
  InHand hand(maildrop);
  while (maildrop.files == OpenMaildrop::Files::loading || maildrop.space_work)
    (void)co_await maildrop.changed.raised();
  if (maildrop.locked || !maildrop.lent_to_readers.empty()) co_return std::unexpected(StoreError::in_use);
  if (maildrop.log.failed) co_return std::unexpected(StoreError::temporary);  // its owner mends that first (M8)

  // Logins and deliveries wait for it as for a first opening, which it ends with.
  const OpenMaildrop::Files before = std::exchange(maildrop.files, OpenMaildrop::Files::loading);
  maildrop.space_work = true;
  while (maildrop.writer) {
    ring::Pause pause(core_.proactor, core_.proactor.now() + writer_looked_at_every);
    co_await pause;
  }
  const bool void_file = before == OpenMaildrop::Files::ready && maildrop.log.names_in_doubt && maildrop.log.end == 0;
  if (maildrop.log.failed || void_file) {
    // An opening would take what a batch was refused for a delivery whose answer was lost. The next delivery mends it.
    maildrop.files = before;
    end_space_work(maildrop);
    co_return std::unexpected(StoreError::temporary);
  }
  if (before == OpenMaildrop::Files::ready) core_.counters.summary_messages -= maildrop.summary.count();
  auto found = std::make_unique<Inspection>();
  RepairReport report;
  std::int64_t result = -ENOENT;
  {
    Opened folder = co_await core_.disk.open(maildrop.where.folder, O_RDONLY | O_DIRECTORY);
    if (folder.result >= 0) result = 0;
  }
  const bool exists = result >= 0;
  if (exists) {
    co_await inspect(core_.disk, maildrop, 0, *found);
    report.before = found->report;
    result = found->error;
    if (result >= 0 && !report.before.whole()) result = co_await mend(maildrop, *found, report);
  }
  co_await drop_cached_logs(maildrop);
  maildrop.files = OpenMaildrop::Files::unknown;
  const Done ready = co_await ensure_ready(maildrop);
  end_space_work(maildrop);
  if (!exists) co_return std::unexpected(StoreError::not_found);
  if (result < 0 || !ready) co_return std::unexpected(ready ? StoreError::temporary : ready.error());
  report.messages_kept = maildrop.summary.count();
  core_.log.write(LogLevel::warning, "store_repaired",
                  {{"account", maildrop.account},
                   {"mended", report.mended},
                   {"kept", report.messages_kept},
                   {"lost", report.messages_lost},
                   {"file", report.set_aside}});
  co_return report;
}

Task<std::int64_t> Owner::mend(OpenMaildrop& maildrop, Inspection& found, RepairReport& report) {
  std::int64_t result = 0;
  if (found.ledger_damaged) result = co_await replace_ledger(maildrop);
  if (result >= 0 && found.log_harmed) result = co_await replace_log(maildrop, found, report);
  if (result < 0) {
    core_.log.write(LogLevel::error, "store_repair_failed", {{"account", maildrop.account}, {"error", -result}});
    co_return result;
  }
  // A cache that differs, or that belonged to the old edition, is made anew at the opening that follows.
  if (found.index_differs) co_await drop_index(maildrop);
  report.mended = true;
  co_return 0;
}

// What is whole, into a new edition that is sealed before it takes the name; at no moment is there no log.
Task<std::int64_t> Owner::replace_log(OpenMaildrop& maildrop, Inspection& found, RepairReport& report) {
  Listing& listing = found.listing;
  // A deletion whose tombstones are damaged stays one if the index tells of it: it was synced before its entry was.
  if (found.same_edition())
    for (const ListedTombstones& record : found.by_index.tombstones_records())
      for (const SequenceRun& run : record.runs) listing.bury_too(run);
  // First the ledger: ids of what a client deleted. Ids of what is lost are left out, so that an import can bring that
  // again. Where the log tells nothing any more, the index may know some.
  std::int64_t result = co_await bring_ledger_up_to_date(maildrop, listing);
  if (result >= 0 && !found.summary.edition && found.has_index)
    result = co_await bring_ledger_up_to_date(maildrop, found.by_index);
  if (result < 0) co_return result;
  report.messages_lost = listing.give_up_unreadable();

  Rewrite work{.what_for = RewriteFor::names};
  core_.proactor.fill_random(work.edition.id.octets);
  work.copied_to = UINT64_MAX;
  work.window.resize(window_octets);
  work.index_entries = encode_index_header(work.edition);
  const std::string log_path = maildrop.path("mail");
  const std::string new_path = maildrop.path("mail.new");
  const std::string new_index_path = maildrop.path("index.new");
  if (found.log_there) {
    Opened from = co_await core_.disk.open(log_path, O_RDONLY);
    result = from.result;
    work.from = std::move(from.file);
  }
  if (result >= 0) {
    Opened to = co_await core_.disk.open(new_path, O_RDWR | O_CREAT | O_TRUNC);
    result = to.result;
    work.to = std::move(to.file);
  }
  if (result >= 0) {
    Opened index = co_await core_.disk.open(new_index_path, O_WRONLY | O_CREAT | O_TRUNC);
    result = index.result;
    work.index = std::move(index.file);
  }
  if (result >= 0) result = co_await copy_living(maildrop, work, listing);
  if (result >= 0) result = co_await core_.disk.sync(work.to.fd());
  if (result >= 0 && found.log_there)
    result = co_await set_aside(maildrop, "mail", found.summary.edition, report.set_aside);
  if (result >= 0) {
    const std::uint64_t last = std::max(found.summary.last_sequence.value, found.index.last_record_sequence().value);
    maildrop.log.next_sequence = last + 1;
    result = co_await seal_and_rename(maildrop, work);
    if (result >= 0 && maildrop.log.names_in_doubt) result = -EIO;  // the next opening writes it once more (M5)
  }
  if (result >= 0) co_return result;
  work.to.close();
  work.index.close();
  (void)co_await core_.disk.unlink(new_path);
  (void)co_await core_.disk.unlink(new_index_path);
  co_return result;
}

// Entries that verify, in a file of their own.
Task<std::int64_t> Owner::replace_ledger(OpenMaildrop& maildrop) {
  const std::string path = maildrop.path("imported");
  const std::string new_path = maildrop.path("imported.new");
  Opened from = co_await core_.disk.open(path, O_RDONLY);
  if (from.result < 0) co_return from.result;
  Opened to = co_await core_.disk.open(new_path, O_WRONLY | O_CREAT | O_TRUNC);
  if (to.result < 0) co_return to.result;
  LedgerReader reader;
  std::vector<std::byte> window(window_octets);
  std::string entries;
  std::uint64_t at = 0;
  std::uint64_t end = 0;
  std::int64_t result = 1;
  while (result > 0) {
    result = co_await core_.disk.read(from.file.fd(), at, window);
    if (result <= 0) break;
    reader.feed(Octets(window).first(static_cast<std::size_t>(result)));
    at += static_cast<std::uint64_t>(result);
    entries.clear();
    while (const auto entry = reader.next()) append_ledger_entry(entries, *entry);
    const std::int64_t written = co_await write_at_need(to.file.fd(), end, octets_of(entries));
    if (written < 0) co_return written;
    end += entries.size();
  }
  if (result >= 0) result = co_await core_.disk.sync(to.file.fd());
  std::string aside;
  if (result >= 0) result = co_await set_aside(maildrop, "imported", std::nullopt, aside);
  if (result >= 0) result = co_await core_.disk.rename(new_path, path);
  if (result >= 0) result = co_await core_.disk.sync_folder(maildrop.where.folder);
  maildrop.ledger_page.clear();
  co_return result;
}

// A second name for a file that is about to lose its own: after the log's edition, which is never used again, or (a
// file that is no log) after random digits.
Task<std::int64_t> Owner::set_aside(const OpenMaildrop& maildrop, const char* name, const std::optional<Edition>& of,
                                    std::string& aside) {
  Id128 digits;
  core_.proactor.fill_random(digits.octets);
  const std::string path = maildrop.path(name);
  const std::string stem = path + ".damaged-" + hex(of ? of->id.octets : digits.octets);
  aside = stem;
  std::int64_t result = co_await core_.disk.link(path, aside);
  for (int i = 2; result == -EEXIST && i < names_aside_max; ++i) {
    aside = stem + '-' + std::to_string(i);
    result = co_await core_.disk.link(path, aside);
  }
  co_return result;
}

}  // namespace ringpost::store
