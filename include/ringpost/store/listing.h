// ringpost/store/listing.h: what a maildrop holds, put together from its index and a scan of its log.
//
// A listing is filled from an index (add, expunge), from a scan (it is a ScanSink), or from the first and then the
// second, which begins at the last entry's record: what the index said of that record is said again and counts once.
// Skips and tombstones act when finish() is called, because a skip may withdraw a tombstones record.
//
// Memory: 64 octets a message and its UIDL, dead ones included, until it is destroyed. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include <ringpost/store/index_format.h>
#include <ringpost/store/log_scan.h>

namespace ringpost::store {

struct ListedMessage {
  Sequence sequence;
  std::uint64_t log_offset = 0;
  std::uint64_t octets = 0;
  std::uint64_t reply_octets = 0;
  SourceId source;
  std::uint32_t header_part_octets = 0;
  std::uint32_t flags = 0;
  std::uint32_t uidl_at = 0;  // into the listing's text
  std::uint8_t uidl_octets = 0;
  bool alive = true;
  bool readable = true;

  std::uint32_t reply_skip() const noexcept {
    return static_cast<std::uint32_t>(sizeof(RecordHeader) + sizeof(MessageFields) + uidl_octets);
  }
  std::uint64_t record_octets() const noexcept { return aligned_up(reply_skip() + reply_octets); }
};

// One tombstones record, so that an index can be written from the listing.
struct ListedTombstones {
  Sequence sequence;
  std::uint64_t log_offset = 0;
  std::uint64_t record_octets = 0;
  std::vector<SequenceRun> runs;
};

class Listing final : public ScanSink {
 public:
  // From an index, in its order.
  void take(const IndexEntry&);

  // From a scan.
  void message(std::uint64_t offset, const Record&, bool readable) override;
  void tombstones(std::uint64_t offset, const Record&, Octets payload) override;
  void skip(std::uint64_t offset, const Record&) override;
  void invalid(Stretch, bool damage) override;
  void forget_from(std::uint64_t offset) override;

  // After the last entry and record: withdraws what is skipped, marks what is deleted.
  void finish();

  // For repair, after finish(): these were deleted too; what is unreadable is given up (how many).
  void bury_too(const SequenceRun&);
  std::uint64_t give_up_unreadable();

  // In the order of the log; dead ones are among them. After finish().
  const std::deque<ListedMessage>& messages() const noexcept { return messages_; }
  const std::vector<ListedTombstones>& tombstones_records() const noexcept { return tombstones_; }
  std::string_view uidl(const ListedMessage& message) const noexcept {
    return {text_.data() + message.uidl_at, message.uidl_octets};
  }
  std::uint64_t alive() const noexcept { return alive_; }
  std::uint64_t octets_alive() const noexcept { return octets_alive_; }          // as STAT counts
  std::uint64_t log_octets_alive() const noexcept { return log_octets_alive_; }  // of their records (M9)

  // What a person must hear of: skips that the log holds, damage, and a torn tail (recovery gives it its skip, M8).
  const std::vector<Stretch>& skips() const noexcept { return skips_; }
  const std::vector<Stretch>& damage() const noexcept { return damage_; }
  const std::vector<Stretch>& torn() const noexcept { return torn_; }

 private:
  struct Skip {
    std::uint64_t record_offset;
    Stretch what;
  };
  ListedTombstones& tombstones_at(std::uint64_t offset, Sequence, std::uint64_t record_octets);
  void put(ListedMessage, std::string_view uidl);
  void withdraw(const Stretch&);
  void bury(const SequenceRun&);
  void count_alive();

  std::deque<ListedMessage> messages_;  // grows without being copied
  std::vector<ListedTombstones> tombstones_;
  std::vector<Skip> skip_records_;
  std::vector<Stretch> skips_;
  std::vector<Stretch> damage_;
  std::vector<Stretch> torn_;
  std::vector<char> text_;
  std::uint64_t alive_ = 0;
  std::uint64_t octets_alive_ = 0;
  std::uint64_t log_octets_alive_ = 0;
};

}  // namespace ringpost::store
