#include <algorithm>
#include <cstring>

#include <ringpost/base/crc32c.h>
#include <ringpost/base/ensure.h>
#include <ringpost/base/mutant.h>
#include <ringpost/store/index_format.h>

namespace ringpost::store {
namespace {

constexpr std::array<std::byte, 4> index_magic{std::byte{0x8d}, std::byte{'R'}, std::byte{'\n'}, std::byte{'I'}};
constexpr std::uint8_t index_version = 1;
constexpr std::size_t entry_alignment = 8;
constexpr std::size_t crc_octets = sizeof(std::uint32_t);

constexpr std::size_t aligned(std::size_t octets) {
  return (octets + entry_alignment - 1) & ~(entry_alignment - 1);
}

template <typename T>
T get(Octets octets) noexcept {
  T fields;
  std::memcpy(&fields, octets.data(), sizeof fields);
  return fields;
}

template <typename T>
void put(std::string& out, const T& fields) {
  out.append(reinterpret_cast<const char*>(&fields), sizeof fields);
}

void seal(std::string& out, std::size_t entry, const Edition& edition) {
  out.resize(entry + aligned(out.size() - entry));
  const auto covered = octets_of(std::string_view(out).substr(entry + crc_octets));
  const std::uint32_t crc = crc32c(covered, crc32c(edition.id.octets));
  std::memcpy(out.data() + entry, &crc, sizeof crc);
}

std::uint32_t index_header_crc(const IndexFileHeader& header) noexcept {
  return crc32c(Octets(reinterpret_cast<const std::byte*>(&header), offsetof(IndexFileHeader, crc32c)));
}

}  // namespace

std::string encode_index_header(const Edition& edition) {
  IndexFileHeader header{};
  header.magic = index_magic;
  header.version = index_version;
  header.edition = edition.id.octets;
  header.crc32c = index_header_crc(header);
  std::string out;
  put(out, header);
  return out;
}

void append_index_entry(std::string& out, const Edition& edition, const IndexAdd& add) {
  ensure(is_valid_uidl(add.uidl));
  const std::size_t entry = out.size();
  IndexAddFields fields{};
  fields.kind = IndexEntryKind::add;
  fields.uidl_octets = static_cast<std::uint8_t>(add.uidl.size());
  fields.has_source = add.source == SourceId{} ? 0 : 1;
  fields.sequence = add.sequence.value;
  fields.log_offset = add.log_offset;
  fields.octets = add.octets;
  fields.reply_octets = add.reply_octets;
  fields.header_part_octets = add.header_part_octets;
  fields.flags = add.flags;
  put(out, fields);
  out += add.uidl;
  if (fields.has_source) put(out, add.source.id.octets);
  seal(out, entry, edition);
}

void append_index_entry(std::string& out, const Edition& edition, const IndexExpunge& expunge) {
  ensure(expunge.run.count > 0);
  const std::size_t entry = out.size();
  IndexExpungeFields fields{};
  fields.kind = IndexEntryKind::expunge;
  fields.tombstones_sequence = expunge.tombstones.value;
  fields.log_offset = expunge.log_offset;
  fields.record_octets = expunge.record_octets;
  fields.first = expunge.run.first;
  fields.count = expunge.run.count;
  put(out, fields);
  seal(out, entry, edition);
}

void IndexReader::feed(Octets slice) noexcept {
  ensure(slice_.empty() && !finished_);
  slice_ = slice;
}

namespace {

// The length of the entry at octets[0] by its kind and lengths: 0 where they make no sense, one more than is there
// where too little is there to say.
std::size_t entry_octets(Octets octets) noexcept {
  if (octets.size() < entry_alignment) return octets.size() + 1;
  IndexAddFields fields;
  std::memcpy(&fields, octets.data(), entry_alignment);
  if (fields.kind == IndexEntryKind::expunge) return sizeof(IndexExpungeFields);
  if (fields.kind != IndexEntryKind::add || fields.has_source > 1) return 0;
  if (fields.uidl_octets == 0 || fields.uidl_octets > uidl_characters_max) return 0;
  return aligned(sizeof fields + fields.uidl_octets + (fields.has_source ? sizeof(Id128) : 0));
}

}  // namespace

std::size_t IndexReader::peek_entry(Octets octets) noexcept {
  const std::size_t length = entry_octets(octets);
  if (length == 0 || length > octets.size()) return length;
  const Octets whole = octets.first(length);
  if (crc32c(whole.subspan(crc_octets), seed_) != get<std::uint32_t>(whole)) return 0;

  entry_ = IndexEntry{};
  if (static_cast<IndexEntryKind>(whole[crc_octets]) == IndexEntryKind::expunge) {
    const auto fields = get<IndexExpungeFields>(whole);
    entry_.kind = IndexEntryKind::expunge;
    entry_.expunge = {
        Sequence{fields.tombstones_sequence}, fields.log_offset, fields.record_octets, {fields.first, fields.count}};
    return fields.count > 0 && fields.log_offset <= payload_octets_max && fields.record_octets <= payload_octets_max &&
                   fields.first <= UINT64_MAX - fields.count
               ? length
               : 0;
  }
  const auto fields = get<IndexAddFields>(whole);
  auto& add = entry_.add;
  add.sequence = Sequence{fields.sequence};
  add.log_offset = fields.log_offset;
  add.octets = fields.octets;
  add.reply_octets = fields.reply_octets;
  add.header_part_octets = fields.header_part_octets;
  add.flags = fields.flags;
  add.uidl = text_of(whole.subspan(sizeof fields, fields.uidl_octets));
  if (fields.has_source)
    std::memcpy(add.source.id.octets.data(), whole.data() + sizeof fields + fields.uidl_octets, sizeof(Id128));
  return add.log_offset <= payload_octets_max && add.reply_octets <= payload_octets_max ? length : 0;
}

void IndexReader::counted(std::size_t octets) noexcept {
  valid_octets_ += octets;
  ++entries_;
  const bool add = entry_.kind == IndexEntryKind::add;
  last_offset_ = add ? entry_.add.log_offset : entry_.expunge.log_offset;
  last_end_ = add ? entry_.add.record_end() : entry_.expunge.log_offset + entry_.expunge.record_octets;
  last_sequence_ = add ? entry_.add.sequence : entry_.expunge.tombstones;
}

// What lies at the reader's position: what was carried over, topped up from the slice; else the slice.
Octets IndexReader::view() noexcept {
  if (carried_octets_ == 0) return slice_;
  const std::size_t more = std::min(carried_.size() - carried_octets_, slice_.size());
  std::copy_n(slice_.begin(), more, carried_.begin() + static_cast<std::ptrdiff_t>(carried_octets_));
  return Octets(carried_).first(carried_octets_ + more);
}

// The octets carried over stay where they are if all of them are used: an entry's UIDL may lie there.
void IndexReader::use(std::size_t octets) noexcept {
  if (octets >= carried_octets_) {
    slice_ = slice_.subspan(octets - carried_octets_);
    carried_octets_ = 0;
  } else {
    carried_octets_ -= octets;
    std::memmove(carried_.data(), carried_.data() + octets, carried_octets_);
  }
}

void IndexReader::carry(Octets at) noexcept {
  if (carried_octets_ == 0) std::copy(at.begin(), at.end(), carried_.begin());
  carried_octets_ = at.size();
  slice_ = {};
}

void IndexReader::read_header(Octets octets) noexcept {
  const auto header = get<IndexFileHeader>(octets);
  header_seen_ = true;
  if (header.magic != index_magic || header.version != index_version || header.crc32c != index_header_crc(header)) {
    state_ = State::no_header;
    return;
  }
  edition_.id.octets = header.edition;
  seed_ = ringpost::crc32c(edition_.id.octets);
  valid_octets_ = index_header_octets;
  use(index_header_octets);
}

const IndexEntry* IndexReader::next() noexcept {
  while (state_ == State::good || state_ == State::torn) {
    const Octets at = view();
    if (!header_seen_ && at.size() >= index_header_octets) {
      read_header(at);
      continue;
    }
    const std::size_t length = header_seen_ ? peek_entry(at) : at.size() + 1;
    if (length > at.size()) {
      carry(at);
      return nullptr;
    }
    if (length == 0 && RINGPOST_MUTANT(index_trusted_behind_invalid)) {
      valid_octets_ += std::min(at.size(), entry_alignment);
      use(std::min(at.size(), entry_alignment));
    } else if (length == 0) {
      state_ = State::torn;
      use(std::min(at.size(), entry_alignment));
    } else if (state_ == State::torn && !RINGPOST_MUTANT(index_trusted_behind_invalid)) {
      state_ = State::holed;
    } else {
      state_ = State::good;
      use(length);
      counted(length);
      return &entry_;
    }
  }
  slice_ = {};
  return nullptr;
}

void IndexReader::finish() noexcept {
  ensure(slice_.empty());
  finished_ = true;
  if (!header_seen_) state_ = State::no_header;
  if (carried_octets_ == 0 || state_ == State::no_header || state_ == State::holed) return;
  state_ = State::torn;
  // A damaged length may hide a valid entry in what was left over.
  for (std::size_t at = entry_alignment; at < carried_octets_; at += entry_alignment) {
    const Octets rest = Octets(carried_).first(carried_octets_).subspan(at);
    const std::size_t length = peek_entry(rest);
    if (length > 0 && length <= rest.size()) state_ = State::holed;
  }
}

}  // namespace ringpost::store
