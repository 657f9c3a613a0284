// The index: a cache that is appended to after the log's sync and thrown away whenever it does not fit (M3).
#include <cerrno>
#include <fcntl.h>

#include <ringpost/store/index_format.h>

#include "core.h"

namespace ringpost::store {

using ring::Task;

namespace {

// All entries that say what a listing holds from `known_to` on, in the order of the log.
class EntriesOf {
 public:
  EntriesOf(const Listing& listing, const Edition& edition, std::uint64_t known_to)
      : listing_(listing), edition_(edition) {
    const auto& messages = listing.messages();
    const auto& tombstones = listing.tombstones_records();
    // The record that the index's last entry names may be a tombstones record of which it has some runs only.
    while (known_to > 0 && message_ < messages.size() && messages[message_].log_offset <= known_to) ++message_;
    while (tombstone_ < tombstones.size() && tombstones[tombstone_].log_offset < known_to) ++tombstone_;
  }

  bool at_end() const noexcept {
    return message_ == listing_.messages().size() && tombstone_ == listing_.tombstones_records().size();
  }

  void append_next(std::string& out) {
    const auto& messages = listing_.messages();
    const auto& tombstones = listing_.tombstones_records();
    const bool message_first =
        message_ < messages.size() &&
        (tombstone_ == tombstones.size() || messages[message_].log_offset < tombstones[tombstone_].log_offset);
    if (message_first) {
      const ListedMessage& message = messages[message_++];
      append_index_entry(out, edition_,
                         IndexAdd{.sequence = message.sequence,
                                  .log_offset = message.log_offset,
                                  .octets = message.octets,
                                  .reply_octets = message.reply_octets,
                                  .header_part_octets = message.header_part_octets,
                                  .flags = message.flags,
                                  .source = message.source,
                                  .uidl = listing_.uidl(message)});
      return;
    }
    const ListedTombstones& record = tombstones[tombstone_++];
    for (const SequenceRun& run : record.runs)
      append_index_entry(out, edition_,
                         IndexExpunge{.tombstones = record.sequence,
                                      .log_offset = record.log_offset,
                                      .record_octets = record.record_octets,
                                      .run = run});
  }

 private:
  const Listing& listing_;
  const Edition& edition_;
  std::size_t message_ = 0;
  std::size_t tombstone_ = 0;
};

}  // namespace

// `valid_octets`: of the index as it was read; 0: it is written anew.
Task<void> Owner::bring_index_up_to_date(OpenMaildrop& maildrop, const Listing& listing, std::uint64_t valid_octets,
                                         std::uint64_t known_to, std::uint64_t index_octets) {
  EntriesOf entries(listing, maildrop.log.edition, known_to);
  maildrop.log.index_end = valid_octets;
  maildrop.log.index_whole = true;
  if (entries.at_end() && valid_octets > 0 && index_octets == valid_octets) co_return;
  const std::string path = maildrop.path("index");
  {
    Opened opened = co_await core_.disk.open(path, O_WRONLY | O_CREAT);
    std::int64_t result = opened.result;
    if (result >= 0 && index_octets > valid_octets)
      result = co_await core_.disk.truncate(opened.file.fd(), valid_octets);
    if (result < 0) {
      opened.file.close();
      co_await drop_index(maildrop);
      co_return;
    }
  }
  std::string text;
  while (!entries.at_end() && maildrop.log.index_whole) {
    text.clear();
    while (!entries.at_end() && text.size() < window_octets) entries.append_next(text);
    co_await append_to_index(maildrop, text);
  }
}

// Only what the log has synced. Never synced itself.
Task<void> Owner::append_to_index(OpenMaildrop& maildrop, std::string entries) {
  if (!maildrop.log.index_whole || entries.empty()) co_return;  // a hole would be taken for damage
  if (maildrop.log.index_end == 0) entries.insert(0, encode_index_header(maildrop.log.edition));
  const std::string path = maildrop.path("index");
  Opened opened = co_await core_.disk.open(path, O_WRONLY | O_CREAT);
  std::int64_t result = opened.result;
  if (result >= 0) result = co_await core_.disk.write(opened.file.fd(), maildrop.log.index_end, octets_of(entries));
  if (result >= 0) {
    maildrop.log.index_end += entries.size();
    co_return;
  }
  opened.file.close();
  ++core_.counters.failed_writes;
  co_await drop_index(maildrop);
}

// After a failed write. The next process makes a new one; until then the log alone tells.
Task<void> Owner::drop_index(OpenMaildrop& maildrop) {
  maildrop.log.index_whole = false;
  maildrop.log.index_end = 0;
  const std::string path = maildrop.path("index");
  const std::int64_t result = co_await core_.disk.unlink(path);
  if (result < 0 && result != -ENOENT)
    core_.log.write(LogLevel::warning, "store_index_stays", {{"account", maildrop.account}, {"error", -result}});
}

}  // namespace ringpost::store
