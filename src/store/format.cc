#include <bit>
#include <charconv>
#include <cstring>

#include <ringpost/base/crc32c.h>
#include <ringpost/base/ensure.h>
#include <ringpost/store/format.h>

static_assert(std::endian::native == std::endian::little,
              "the structs are the format, and the format is little-endian");

namespace ringpost::store {
namespace {

template <typename T>
void put(std::byte* at, const T& fields) noexcept {
  std::memcpy(at, &fields, sizeof fields);
}
template <typename T>
T get(const std::byte* at) noexcept {
  T fields;
  std::memcpy(&fields, at, sizeof fields);
  return fields;
}

constexpr std::size_t crc_begin = offsetof(RecordHeader, header_crc32c);
constexpr std::size_t crc_end = crc_begin + sizeof(RecordHeader::header_crc32c);

std::uint32_t header_crc32c(Octets header) noexcept {
  return crc32c(header.subspan(crc_end), crc32c(header.first(crc_begin)));
}

RecordHeader header_of(RecordKind kind, const Edition& edition, Sequence sequence, std::uint64_t synced) noexcept {
  RecordHeader header{};
  header.magic = record_magic;
  header.version = record_version;
  header.kind = kind;
  header.edition = edition.id.octets;
  header.sequence = sequence.value;
  header.synced = synced;
  return header;
}

void seal(std::byte* record, std::size_t header_octets) noexcept {
  const std::uint32_t crc = header_crc32c(Octets(record, header_octets));
  std::memcpy(record + crc_begin, &crc, sizeof crc);
}

std::string padded(std::string record) {
  record.resize(aligned_up(record.size()));
  return record;
}

void put_leb128(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

std::optional<std::uint64_t> take_leb128(Octets& rest) noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
    const auto octet = static_cast<std::uint64_t>(rest.front());
    rest = rest.subspan(1);
    if (shift == 63 && octet > 1) return {};
    value |= (octet & 0x7f) << shift;
    if (octet < 0x80) return value;
  }
  return {};
}

}  // namespace

std::uint32_t status_line_octets(std::uint64_t octets) noexcept {
  std::uint32_t digits = 1;
  for (; octets >= 10; octets /= 10) ++digits;
  return 4 + digits + 9;  // "+OK " and " octets\r\n"
}

std::string status_line(std::uint64_t octets) {
  return "+OK " + std::to_string(octets) + " octets\r\n";
}

bool is_valid_uidl(std::string_view uidl) noexcept {
  if (uidl.empty() || uidl.size() > uidl_characters_max) return false;
  for (char c : uidl)
    if (c < 0x21 || c > 0x7e) return false;
  return true;
}

std::string random_uidl(const Id128& random) {
  return base32(random.octets, 100);
}

std::uint64_t message_record_octets(std::uint64_t octets, std::uint64_t wire_octets, std::size_t uidl_octets) noexcept {
  return aligned_up(sizeof(RecordHeader) + sizeof(MessageFields) + uidl_octets + status_line_octets(octets) +
                    wire_octets + reply_terminator.size());
}

MessageFrame encode_message(const Edition& edition, const MessageToWrite& message) {
  ensure(is_valid_uidl(message.uidl));
  ensure(message.octets <= message.wire_octets && message.wire_octets < payload_octets_max / 2);
  const std::string line = status_line(message.octets);
  MessageFrame frame{};
  frame.status_line_octets = static_cast<std::uint32_t>(line.size());
  frame.reply_octets = line.size() + message.wire_octets + reply_terminator.size();
  frame.reply_skip = static_cast<std::uint32_t>(sizeof(RecordHeader) + sizeof(MessageFields) + message.uidl.size());
  frame.head_octets = static_cast<std::uint16_t>(frame.reply_skip + line.size());
  frame.record_octets = aligned_up(frame.reply_skip + frame.reply_octets);
  frame.tail_octets = static_cast<std::uint16_t>(frame.record_octets - frame.head_octets - message.wire_octets);
  std::memcpy(frame.tail_buffer.data(), reply_terminator.data(), reply_terminator.size());

  std::uint32_t crc = crc32c(octets_of(line));
  crc = crc32c_joined(crc, message.wire_crc32c, message.wire_octets);
  auto header = header_of(RecordKind::message, edition, message.sequence, message.synced);
  header.header_octets = static_cast<std::uint16_t>(frame.reply_skip);
  header.payload_octets = frame.reply_octets;
  header.payload_crc32c = crc32c(octets_of(reply_terminator), crc);

  MessageFields fields{};
  fields.octets = message.octets;
  fields.received_microseconds = message.received.microseconds;
  fields.source = message.source.id.octets;
  fields.header_part_octets =
      message.header_part_octets > UINT32_MAX ? 0 : static_cast<std::uint32_t>(message.header_part_octets);
  fields.flags = message.flags;
  fields.uidl_octets = static_cast<std::uint8_t>(message.uidl.size());

  std::byte* at = frame.head_buffer.data();
  put(at, header);
  put(at + sizeof header, fields);
  std::memcpy(at + sizeof header + sizeof fields, message.uidl.data(), message.uidl.size());
  std::memcpy(at + frame.reply_skip, line.data(), line.size());
  seal(at, frame.reply_skip);
  return frame;
}

std::string encode_tombstones(const Edition& edition, Sequence sequence, std::uint64_t synced,
                              std::span<const Sequence> deleted) {
  ensure(!deleted.empty());
  constexpr std::size_t header_octets = sizeof(RecordHeader) + sizeof(TombstonesFields);
  std::string record(header_octets, '\0');
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < deleted.size();) {
    ensure(i == 0 || deleted[i].value >= end);
    std::size_t next = i + 1;
    while (next < deleted.size() && deleted[next].value == deleted[next - 1].value + 1) ++next;
    put_leb128(record, deleted[i].value - end);
    put_leb128(record, next - i);
    end = deleted[i].value + (next - i);
    i = next;
  }
  ensure(record.size() - header_octets <= tombstones_payload_octets_max);

  auto header = header_of(RecordKind::tombstones, edition, sequence, synced);
  header.header_octets = header_octets;
  header.payload_octets = record.size() - header_octets;
  header.payload_crc32c = crc32c(octets_of(std::string_view(record).substr(header_octets)));
  auto* at = reinterpret_cast<std::byte*>(record.data());
  put(at, header);
  put(at + sizeof header, TombstonesFields{deleted.size()});
  seal(at, header_octets);
  return padded(std::move(record));
}

std::string encode_skip(const Edition& edition, Sequence sequence, std::uint64_t synced, std::uint64_t from,
                        std::uint64_t to) {
  ensure(from <= to);
  constexpr std::size_t header_octets = sizeof(RecordHeader) + sizeof(SkipFields);
  std::string record(header_octets, '\0');
  auto header = header_of(RecordKind::skip, edition, sequence, synced);
  header.header_octets = header_octets;
  auto* at = reinterpret_cast<std::byte*>(record.data());
  put(at, header);
  put(at + sizeof header, SkipFields{from, to});
  seal(at, header_octets);
  return padded(std::move(record));
}

namespace {

bool decode_message(Octets header, Record& record) noexcept {
  constexpr std::size_t fixed = sizeof(RecordHeader) + sizeof(MessageFields);
  if (header.size() <= fixed) return false;
  const auto fields = get<MessageFields>(header.data() + sizeof(RecordHeader));
  if (header.size() != fixed + fields.uidl_octets) return false;
  record.uidl = text_of(header.subspan(fixed));
  record.octets = fields.octets;
  record.header_part_octets = fields.header_part_octets;
  record.flags = fields.flags;
  record.received = WallTime{fields.received_microseconds};
  record.source.id.octets = fields.source;
  if (!is_valid_uidl(record.uidl) || record.octets > payload_octets_max) return false;
  return record.payload_octets >= status_line_octets(record.octets) + record.octets + reply_terminator.size();
}

bool decode_tombstones(Octets header, Record& record) noexcept {
  if (header.size() != sizeof(RecordHeader) + sizeof(TombstonesFields)) return false;
  record.count = get<TombstonesFields>(header.data() + sizeof(RecordHeader)).count;
  return record.count > 0 && record.payload_octets > 0 && record.payload_octets <= tombstones_payload_octets_max;
}

bool decode_skip(Octets header, Record& record) noexcept {
  if (header.size() != sizeof(RecordHeader) + sizeof(SkipFields)) return false;
  const auto fields = get<SkipFields>(header.data() + sizeof(RecordHeader));
  record.from = fields.from;
  record.to = fields.to;
  return record.from <= record.to && record.to <= payload_octets_max && record.payload_octets == 0;
}

bool decode_by_kind(Octets header, Record& record) noexcept {
  switch (record.kind) {
    case RecordKind::message:
      return decode_message(header, record);
    case RecordKind::tombstones:
      return decode_tombstones(header, record);
    case RecordKind::skip:
      return decode_skip(header, record);
  }
  return false;
}

}  // namespace

std::optional<Record> decode_record(Octets octets) noexcept {
  if (octets.size() < sizeof(RecordHeader)) return {};
  if (std::memcmp(octets.data(), record_magic.data(), record_magic.size()) != 0) return {};
  const auto header = get<RecordHeader>(octets.data());
  if (header.version != record_version || header.header_octets < sizeof(RecordHeader) ||
      header.header_octets > record_header_octets_max || header.header_octets > octets.size() ||
      header.payload_octets > payload_octets_max || header.synced > payload_octets_max ||
      header.synced % record_alignment != 0 || header.sequence > record_sequence_max)
    return {};
  const Octets whole = octets.first(header.header_octets);
  if (header_crc32c(whole) != header.header_crc32c) return {};

  Record record;
  record.kind = header.kind;
  record.edition.id.octets = header.edition;
  record.sequence = Sequence{header.sequence};
  record.synced = header.synced;
  record.header_octets = header.header_octets;
  record.payload_octets = header.payload_octets;
  record.payload_crc32c = header.payload_crc32c;
  if (!decode_by_kind(whole, record)) return {};
  return record;
}

std::optional<SequenceRun> TombstoneRuns::next() noexcept {
  if (rest_.empty() || failed_) return {};
  const auto gap = take_leb128(rest_);
  const auto count = gap ? take_leb128(rest_) : std::nullopt;
  SequenceRun run;
  const bool fits = count && *count > 0 && !__builtin_add_overflow(end_, *gap, &run.first) &&
                    !__builtin_add_overflow(run.first, *count, &end_);
  if (!fits) {
    failed_ = true;
    return {};
  }
  run.count = *count;
  return run;
}

}  // namespace ringpost::store
