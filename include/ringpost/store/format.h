// ringpost/store/format.h: the log `mail`, octet by octet (docs/maildrop-format.md has the same names).
//
// A log is a row of records, each beginning on a multiple of 64 octets: header, payload, zeros up to the next multiple.
// Numbers are little-endian. Octets once written never change (M1). Enumerators and offsets here lie on disk and may
// never change; what is new gets a new format version or a new kind.
//
// The magic holds a bare LF. Wire normal form has none (M20), UIDLs have none, and so no stored message can hold
// octets that look like a record, wherever a search for the next record begins.
//
// Pure: no I/O, no clock. Any thread. What is encoded is our own and insisted on with ensure(); what is decoded is the
// disk's: it decodes, or it is not a record.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <ringpost/base/octets.h>
#include <ringpost/store/types.h>

namespace ringpost::store {

inline constexpr std::array<std::byte, 4> record_magic{std::byte{0x8d}, std::byte{'R'}, std::byte{'\n'},
                                                       std::byte{'P'}};
inline constexpr std::uint8_t record_version = 1;
inline constexpr std::uint64_t record_alignment = 64;
inline constexpr std::uint64_t log_page_octets = 4096;  // M8 writes again from the page on in which D lies

// 0 is never a kind: room that was made and not written reads as zeros.
enum class RecordKind : std::uint8_t { message = 1, tombstones = 2, skip = 3 };

// Bits of a message's `flags`.
enum MessageFlags : std::uint32_t {
  message_plain = 0,
  message_smtputf8 = 1u << 0,  // came by SMTPUTF8 (RFC 6531)
};

// What every record begins with.
#pragma pack(push, 1)
struct RecordHeader {
  std::array<std::byte, 4> magic;
  std::uint8_t version;
  RecordKind kind;
  std::uint16_t header_octets;   // from the record's beginning to the payload
  std::uint32_t header_crc32c;   // of octets 0..8 and 12..header_octets
  std::uint32_t payload_crc32c;  // of the payload; of nothing (0) where there is none
  std::array<std::byte, 16> edition;
  std::uint64_t sequence;
  std::uint64_t synced;  // M2
  std::uint64_t payload_octets;
};
// Behind it, by kind. message: then the UIDL; payload: the reply.
struct MessageFields {
  std::uint64_t octets;  // as RFC 1939 counts them (P028)
  std::int64_t received_microseconds;
  std::array<std::byte, 16> source;
  std::uint32_t header_part_octets;  // of the wire form, with the empty line; 0: 4 GiB or more
  std::uint32_t flags;
  std::uint8_t uidl_octets;
};
// tombstones: payload: runs of sequences, see TombstoneRuns.
struct TombstonesFields {
  std::uint64_t count;  // sequences in all runs
};
// skip: no payload. from == to: a seal (M9).
struct SkipFields {
  std::uint64_t from;
  std::uint64_t to;
};
#pragma pack(pop)

static_assert(sizeof(RecordHeader) == 56 && offsetof(RecordHeader, header_crc32c) == 8 &&
              offsetof(RecordHeader, edition) == 16 && offsetof(RecordHeader, payload_octets) == 48);
static_assert(sizeof(MessageFields) == 41 && offsetof(MessageFields, source) == 16 &&
              offsetof(MessageFields, uidl_octets) == 40);
static_assert(sizeof(TombstonesFields) == 8 && sizeof(SkipFields) == 16);

inline constexpr std::size_t record_header_octets_max =
    sizeof(RecordHeader) + sizeof(MessageFields) + uidl_characters_max;  // 167
inline constexpr std::size_t status_line_octets_max = 4 + 20 + 9;
inline constexpr std::uint64_t payload_octets_max = 1ull << 48;  // of a payload, and of any offset in a log
inline constexpr std::uint64_t record_sequence_max = 1ull << 62;
inline constexpr std::uint64_t tombstones_payload_octets_max = 64ull << 20;
inline constexpr std::string_view reply_terminator = ".\r\n";

constexpr std::uint64_t aligned_up(std::uint64_t offset) noexcept {
  return (offset + record_alignment - 1) & ~(record_alignment - 1);
}
constexpr std::uint64_t page_of(std::uint64_t offset) noexcept {
  return offset & ~(log_page_octets - 1);
}

// `+OK <octets> octets<CRLF>`: how long, and the text.
std::uint32_t status_line_octets(std::uint64_t octets) noexcept;
std::string status_line(std::uint64_t octets);

// A UIDL that may be stored: 1..70 characters of 0x21..0x7e (P043).
bool is_valid_uidl(std::string_view) noexcept;
// A new one: 100 of the 128 random bits given, in base32: 20 characters (M16).
std::string random_uidl(const Id128& random);

// --- Writing ---------------------------------------------------------------------------------------------------------

struct MessageToWrite {
  Sequence sequence;
  std::uint64_t synced = 0;
  std::uint64_t octets = 0;
  std::uint64_t wire_octets = 0;
  std::uint32_t wire_crc32c = 0;  // of the wire form, as WireFormer computes it
  std::uint64_t header_part_octets = 0;
  WallTime received;
  std::uint32_t flags = 0;
  SourceId source;
  std::string_view uidl;  // REQUIRES is_valid_uidl
};

// A message's record around its content: write head, then wire_octets of wire form, then tail.
struct MessageFrame {
  std::array<std::byte, record_header_octets_max + status_line_octets_max> head_buffer;
  std::array<std::byte, 3 + record_alignment> tail_buffer;
  std::uint16_t head_octets = 0;
  std::uint16_t tail_octets = 0;
  std::uint32_t reply_skip = 0;  // the header; the reply begins with the status line, which is part of `head`
  std::uint32_t status_line_octets = 0;
  std::uint64_t reply_octets = 0;
  std::uint64_t record_octets = 0;  // head + content + tail, a multiple of 64

  Octets head() const noexcept { return Octets(head_buffer).first(head_octets); }
  Octets tail() const noexcept { return Octets(tail_buffer).first(tail_octets); }
};
MessageFrame encode_message(const Edition&, const MessageToWrite&);

// How long a message's record will be, before anything of it is known but this.
std::uint64_t message_record_octets(std::uint64_t octets, std::uint64_t wire_octets, std::size_t uidl_octets) noexcept;

// A whole record, padding included. `deleted`: at least one, ascending, no two alike.
std::string encode_tombstones(const Edition&, Sequence, std::uint64_t synced, std::span<const Sequence> deleted);
// A whole record of 128 octets. REQUIRES from <= to.
std::string encode_skip(const Edition&, Sequence, std::uint64_t synced, std::uint64_t from, std::uint64_t to);

// --- Reading ---------------------------------------------------------------------------------------------------------

// A record's header, decoded. Whether its payload is whole is another question.
struct Record {
  RecordKind kind = RecordKind::message;
  Edition edition;
  Sequence sequence;
  std::uint64_t synced = 0;
  std::uint32_t header_octets = 0;   // a message's reply_skip
  std::uint64_t payload_octets = 0;  // a message's reply_octets
  std::uint32_t payload_crc32c = 0;
  // message
  std::uint64_t octets = 0;
  std::uint32_t header_part_octets = 0;
  std::uint32_t flags = 0;
  WallTime received;
  SourceId source;
  std::string_view uidl;  // lies in the octets that were decoded
  // tombstones
  std::uint64_t count = 0;
  // skip
  std::uint64_t from = 0;
  std::uint64_t to = 0;

  std::uint64_t record_octets() const noexcept { return aligned_up(header_octets + payload_octets); }
  std::uint64_t wire_octets() const noexcept {  // message
    return payload_octets - status_line_octets(octets) - reply_terminator.size();
  }
};

// The record whose header begins at octets[0]; nothing if there is none: magic, version, kind, lengths or CRC do not
// fit, or it is longer than `octets` (give record_header_octets_max of them where the log has them).
// Which edition a record must have is the caller's to compare.
std::optional<Record> decode_record(Octets octets) noexcept;

// Sequences as runs, ascending: for each run two LEB128 numbers, the gap since the end of the run before (the first
// run's: since 0) and the run's length (>= 1). A maildrop emptied at QUIT is one run.
struct SequenceRun {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t end() const noexcept { return first + count; }
};
class TombstoneRuns {
 public:
  explicit TombstoneRuns(Octets payload) noexcept : rest_(payload) {}
  // The next run; nothing at the end, or where the payload is none (then failed()).
  std::optional<SequenceRun> next() noexcept;
  bool failed() const noexcept { return failed_; }

 private:
  Octets rest_;
  std::uint64_t end_ = 0;
  bool failed_ = false;
};

}  // namespace ringpost::store
