// src/store/summary.h: what the owner keeps in memory of one maildrop's living messages (M15).
//
// 64 octets a message, in chunks. A chunk only grows behind what was lent of it, so other cores read a snapshot's
// first n entries while new mail is added. Deletions make new chunks where something went and share the others.
// Threads: everything here is the owner core's, but for what a Snapshot reads.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <ringpost/store/snapshot.h>

namespace ringpost::store {

struct alignas(64) PackedEntry {
  std::uint64_t sequence;
  std::uint64_t log_offset;
  std::uint64_t octets;
  std::uint64_t reply_octets;
  std::uint32_t header_octets;
  std::uint16_t reply_skip;
  std::uint8_t unreadable;
  std::uint8_t uidl_characters;
  char uidl[24];  // longer ones: a pointer to the chunk's own copy
};
static_assert(sizeof(PackedEntry) == 64);

class Chunk {
 public:
  static constexpr std::uint32_t entries_max = 1024;

  explicit Chunk(std::uint32_t capacity) : capacity_(capacity), entries_(new PackedEntry[capacity]) {}

  std::uint32_t used() const noexcept { return used_; }
  std::uint32_t capacity() const noexcept { return capacity_; }
  const PackedEntry& operator[](std::uint32_t at) const noexcept { return entries_[at]; }
  void add(const MessageEntry&);
  std::uint64_t octets() const noexcept { return sizeof(Chunk) + capacity_ * sizeof(PackedEntry) + far_octets_; }

 private:
  std::uint32_t capacity_;
  std::uint32_t used_ = 0;
  std::uint64_t far_octets_ = 0;
  std::unique_ptr<PackedEntry[]> entries_;
  std::vector<std::unique_ptr<char[]>> far_uidls_;
};

MessageEntry unpacked(const PackedEntry&) noexcept;

// The list of chunks. Never changed once lent, but for entries added to the last chunk.
class SummaryChunks {
 public:
  const PackedEntry& at(std::uint32_t index) const noexcept;

  std::vector<std::shared_ptr<Chunk>> chunks;
  std::vector<std::uint32_t> starts;  // the index of each chunk's first entry
};

class Summary {
 public:
  Summary();

  std::uint32_t count() const noexcept { return count_; }
  std::uint64_t octets_in_all() const noexcept { return octets_in_all_; }
  std::uint64_t memory() const noexcept { return memory_; }
  MessageEntry entry(std::uint32_t index) const noexcept { return unpacked(list_->at(index)); }

  // The index of a living message, or count(): gone, or never there. Entries stand in the order of their sequences.
  std::uint32_t find(Sequence) const noexcept;
  bool has_uidl(std::string_view) const noexcept;  // looks at all of them

  void add(const MessageEntry&);
  // `indices` rise and are all below count().
  void remove(std::span<const std::uint32_t> indices);
  // From now on RETR is refused (M7). Snapshots that are lent do not change.
  void mark_unreadable(std::uint32_t index);

  Snapshot snapshot(Edition edition) const noexcept { return {list_.get(), edition, count_, octets_in_all_}; }
  // What the holder of a snapshot pins.
  std::shared_ptr<const SummaryChunks> list() const noexcept { return list_; }
  bool lent() const noexcept { return list_.use_count() > 1; }

 private:
  void own_list();
  void make_room();

  std::shared_ptr<SummaryChunks> list_;
  std::uint32_t count_ = 0;
  std::uint64_t octets_in_all_ = 0;
  std::uint64_t memory_ = 0;
};

}  // namespace ringpost::store
