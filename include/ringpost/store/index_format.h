// ringpost/store/index_format.h: the file `index`, a cache of what the log says (M3).
//
// File header (32 octets, names the edition in clear), then entries, each beginning on a multiple of 8, in the order of
// the log. An entry's CRC32C begins with the edition, so that zeros, another edition's entries and a file in the
// machine's other byte order never verify. Numbers are little-endian. Everything a summary needs stands here: an
// opening from the index reads the log's last record only. Dead messages keep their entries (UIDLs and source ids of
// deleted ones count: M16, M17).
//
// The file is never synced. Its valid part is the entries up to the first invalid one; a valid one behind that means
// that the file lost something in its middle: throw it away. Before more is appended to a file with a torn tail, cut it
// to IndexReader::valid_octets().
//
// Pure, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <ringpost/base/octets.h>
#include <ringpost/store/format.h>
#include <ringpost/store/types.h>

namespace ringpost::store {

enum class IndexEntryKind : std::uint8_t { add = 1, expunge = 2 };  // 0 never

#pragma pack(push, 1)
struct IndexFileHeader {
  std::array<std::byte, 4> magic;
  std::uint8_t version;
  std::array<std::byte, 3> zero;
  std::array<std::byte, 16> edition;
  std::uint32_t crc32c;  // of the octets before
  std::uint32_t zero2;
};
struct IndexAddFields {
  std::uint32_t crc32c;  // of the edition, then of this entry from `kind` on
  IndexEntryKind kind;
  std::uint8_t uidl_octets;
  std::uint16_t has_source;  // 1: 16 octets of source id behind the UIDL
  std::uint64_t sequence;
  std::uint64_t log_offset;
  std::uint64_t octets;
  std::uint64_t reply_octets;
  std::uint32_t header_part_octets;
  std::uint32_t flags;
};  // then the UIDL, the source id, zeros up to a multiple of 8
struct IndexExpungeFields {
  std::uint32_t crc32c;
  IndexEntryKind kind;
  std::array<std::byte, 3> zero;
  std::uint64_t tombstones_sequence;
  std::uint64_t log_offset;  // of the tombstones' record
  std::uint64_t record_octets;
  std::uint64_t first;  // the run of sequences that this entry expunges
  std::uint64_t count;
};
#pragma pack(pop)
static_assert(sizeof(IndexFileHeader) == 32 && sizeof(IndexAddFields) == 48 && sizeof(IndexExpungeFields) == 48);

inline constexpr std::size_t index_header_octets = sizeof(IndexFileHeader);
inline constexpr std::size_t index_entry_octets_max = sizeof(IndexAddFields) + uidl_characters_max + 16 + 2;  // 136

struct IndexAdd {
  Sequence sequence;
  std::uint64_t log_offset = 0;
  std::uint64_t octets = 0;
  std::uint64_t reply_octets = 0;
  std::uint32_t header_part_octets = 0;
  std::uint32_t flags = 0;
  SourceId source;
  std::string_view uidl;

  std::uint32_t reply_skip() const noexcept {
    return static_cast<std::uint32_t>(sizeof(RecordHeader) + sizeof(MessageFields) + uidl.size());
  }
  std::uint64_t record_end() const noexcept { return log_offset + aligned_up(reply_skip() + reply_octets); }
};

// One tombstones record makes one entry for each of its runs, or several where it is convenient: each is idempotent.
struct IndexExpunge {
  Sequence tombstones;  // that record's own sequence
  std::uint64_t log_offset = 0;
  std::uint64_t record_octets = 0;
  SequenceRun run;
};

std::string encode_index_header(const Edition&);
void append_index_entry(std::string& out, const Edition&, const IndexAdd&);
void append_index_entry(std::string& out, const Edition&, const IndexExpunge&);

struct IndexEntry {
  IndexEntryKind kind = IndexEntryKind::add;
  IndexAdd add;
  IndexExpunge expunge;
};

// Reads an index from its beginning, fed in order in slices of any size:
//   while (more octets) { reader.feed(slice); while (auto* entry = reader.next()) use(*entry); }  reader.finish();
// An entry (and its UIDL) is valid until the next call. A slice must stay in place until next() gave nullptr.
class IndexReader {
 public:
  enum class State : std::uint8_t {
    good,       // all octets so far are valid entries
    no_header,  // too short, or not an index of ours
    torn,       // invalid from valid_octets() on, nothing valid behind it (so far)
    holed,      // a valid entry behind an invalid one: throw the file away
  };

  void feed(Octets slice) noexcept;
  const IndexEntry* next() noexcept;
  // No more octets: a part of an entry at the end is a torn tail.
  void finish() noexcept;

  State state() const noexcept { return state_; }
  const Edition& edition() const noexcept { return edition_; }  // unless no_header
  std::uint64_t valid_octets() const noexcept { return valid_octets_; }
  std::uint64_t entries() const noexcept { return entries_; }
  // Of the record that the last valid entry names (entries() > 0): where it begins, and its own sequence and end.
  std::uint64_t last_record_offset() const noexcept { return last_offset_; }
  std::uint64_t last_record_end() const noexcept { return last_end_; }
  Sequence last_record_sequence() const noexcept { return last_sequence_; }

 private:
  // The octets of the entry at octets[0], which is then decoded: 0: not valid; more than octets.size(): not all there.
  std::size_t peek_entry(Octets octets) noexcept;
  void read_header(Octets octets) noexcept;
  void counted(std::size_t octets) noexcept;
  Octets view() noexcept;
  void use(std::size_t octets) noexcept;
  void carry(Octets at) noexcept;

  Octets slice_;
  std::array<std::byte, 2 * index_entry_octets_max> carried_;  // the end of the slice before, and room to top it up
  std::size_t carried_octets_ = 0;
  State state_ = State::good;
  bool header_seen_ = false;
  bool finished_ = false;
  Edition edition_;
  std::uint32_t seed_ = 0;
  IndexEntry entry_;
  std::uint64_t valid_octets_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t last_offset_ = 0;
  std::uint64_t last_end_ = 0;
  Sequence last_sequence_;
};

}  // namespace ringpost::store
