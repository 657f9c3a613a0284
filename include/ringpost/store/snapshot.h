// ringpost/store/snapshot.h: the message list of one maildrop as it was at login.
//
// Numbers never move while a session lives, and later mail shows in the next one (RFC 1939 section 4, P022).
// Threads: immutable, any core may read it; only the core that owns the maildrop makes one.
// Lifetime: lent by the owner with a Lease; the owner's summary keeps the chunks in place until the lease is closed
// (M15).
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include <ringpost/store/types.h>

namespace ringpost::store {

// What the log says of one living message. `log_offset` is where its record's header begins; the reply follows at
// log_offset + reply_skip and is `reply_octets` long: status line, wire form, terminator. RETR is that one range.
struct MessageEntry {
  Sequence sequence;
  std::uint64_t log_offset = 0;
  std::uint64_t octets = 0;  // as LIST reports them (P028)
  std::uint64_t reply_octets = 0;
  std::uint32_t reply_skip = 0;     // from the record's beginning to the reply
  std::uint32_t header_octets = 0;  // of the wire form: header part with the empty line (0: unknown, larger than 4 GiB)
  std::uint32_t status_line_octets = 0;
  bool unreadable = false;  // listed, but its reply's CRC fails: RETR answers [SYS/PERM] (M7)
  std::string_view uidl;    // lies in the snapshot's chunks
};

class SummaryChunks;  // store-private: append-only chunks, of which a snapshot is the first n living entries

class Snapshot {
 public:
  Snapshot() = default;
  Snapshot(const SummaryChunks* chunks, Edition edition, std::uint32_t count, std::uint64_t octets_in_all)
      : chunks_(chunks), edition_(edition), count_(count), octets_in_all_(octets_in_all) {}

  std::uint32_t count() const noexcept { return count_; }
  std::uint64_t octets_in_all() const noexcept { return octets_in_all_; }  // STAT without delete marks
  Edition edition() const noexcept { return edition_; }
  bool lent_from(const SummaryChunks* chunks) const noexcept { return chunks_ == chunks; }  // the owner's question

  // no_such_message outside 1..count() (P023). Delete marks belong to the session, not to this list.
  std::expected<SnapshotIndex, StoreError> index_of(MessageNumber) const noexcept;
  // index < count(). Cheap: no search.
  MessageEntry entry(SnapshotIndex) const noexcept;

 private:
  const SummaryChunks* chunks_ = nullptr;
  Edition edition_;
  std::uint32_t count_ = 0;
  std::uint64_t octets_in_all_ = 0;
};

}  // namespace ringpost::store
