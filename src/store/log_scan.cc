#include <algorithm>
#include <cstring>

#include <ringpost/base/crc32c.h>
#include <ringpost/base/ensure.h>
#include <ringpost/store/log_scan.h>

namespace ringpost::store {
namespace {

// Reading on costs less than a request of its own while records are smaller than this.
constexpr std::uint64_t hop_octets_min = 128 * 1024;
constexpr std::size_t hop_window_octets = 4096;
constexpr std::size_t sector_octets = 512;

bool all_zeros(Octets octets) noexcept {
  return std::all_of(octets.begin(), octets.end(), [](std::byte octet) { return octet == std::byte{}; });
}

}  // namespace

LogScan::LogScan(const ScanStart& start, ScanSink& sink) : start_(start), sink_(sink) {
  ensure(start.from % record_alignment == 0);
  position_ = start.from;
  start_.promised = aligned_up(start.promised);
  summary_.edition = start.edition;
  if (!start.promised_in || start.promised_in == start.edition) summary_.promised = start_.promised;
  if (start.verify_all && summary_.promised >= start.log_octets) {  // D is known
    second_pass_from_ = start.from;
    begin_second_pass();
  }
  while (phase_ != Phase::over && position_ >= start_.log_octets) at_log_end();
}

std::optional<LogScan::Want> LogScan::want() const noexcept {
  if (phase_ == Phase::over) return {};
  const bool hopping = phase_ == Phase::look && !stretch_from_ && !second_pass_ && last_extent_ > hop_octets_min;
  const std::size_t window = hopping ? hop_window_octets : window_octets_max;
  return Want{position_, static_cast<std::size_t>(std::min<std::uint64_t>(window, start_.log_octets - position_))};
}

void LogScan::feed(Octets window) {
  ensure(phase_ != Phase::over && window.size() == want()->octets);
  const std::uint64_t begin = position_;
  if (begin == 0) {
    summary_.begins_with_zeros = all_zeros(window.first(std::min(window.size(), sector_octets)));
    summary_.begins_with_magic = window.size() >= record_magic.size() &&
                                 std::memcmp(window.data(), record_magic.data(), record_magic.size()) == 0;
  }
  // A hop may lead out of the window, a torn payload back to its record: then something else is wanted next.
  while (phase_ != Phase::over && position_ >= begin && position_ - begin < window.size()) {
    const Octets rest = window.subspan(position_ - begin);
    if (phase_ == Phase::payload)
      read_payload(rest);
    else if (!look(rest))
      break;
  }
  while (phase_ != Phase::over && position_ >= start_.log_octets) at_log_end();
}

// Tries the record at position_. False: it may be longer than `rest`, and the log has more.
bool LogScan::look(Octets rest) {
  if (rest.size() < record_header_octets_max && position_ + rest.size() < start_.log_octets) return false;
  const auto record = decode_record(rest);
  if (!record || record->synced > position_ || (summary_.edition && record->edition != summary_.edition)) {
    if (!stretch_from_) stretch_from_ = position_;
    position_ += record_alignment;
    return true;
  }
  if (accept(*record)) take(*record);
  return true;
}

// What a header says counts from here on, whatever becomes of its payload. False: D rose, the pass began anew.
bool LogScan::accept(const Record& record) {
  if (!summary_.edition) {
    summary_.edition = record.edition;
    if (start_.promised_in == summary_.edition) summary_.promised = start_.promised;
  }
  const std::uint64_t end = position_ + record.record_octets();
  claimed_end_ = std::max(claimed_end_, end);
  last_extent_ = record.record_octets();
  summary_.last_sequence = std::max(summary_.last_sequence, record.sequence);
  if (position_ == start_.from && !second_pass_) {
    summary_.first_sequence = record.sequence;
    summary_.first_end = end;
  }
  if (record.synced <= summary_.promised) return true;
  summary_.promised = record.synced;
  if (!second_pass_) return true;
  begin_second_pass();
  return false;
}

void LogScan::take(const Record& record) {
  record_offset_ = position_;
  record_ = record;
  uidl_ = record.uidl;
  record_.uidl = uidl_;
  crc_ = 0;
  payload_left_ = record.payload_octets;
  collected_.clear();

  const bool is_message = record.kind == RecordKind::message;
  const bool judged = second_pass_ && (start_.verify_all || record_offset_ >= summary_.promised);
  const bool cut_off = record_offset_ + record.header_octets + payload_left_ > start_.log_octets;
  if (cut_off || record.kind == RecordKind::skip || (is_message && !judged)) return payload_ended(!cut_off);
  position_ += record.header_octets;
  phase_ = Phase::payload;
}

void LogScan::read_payload(Octets rest) {
  const Octets part = rest.first(static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), payload_left_)));
  crc_ = ringpost::crc32c(part, crc_);
  if (record_.kind == RecordKind::tombstones) collected_ += text_of(part);
  payload_left_ -= part.size();
  position_ += part.size();
  if (payload_left_ > 0) return;
  const bool whole = crc_ == record_.payload_crc32c;
  payload_ended(whole && (record_.kind != RecordKind::tombstones || tombstones_whole()));
}

bool LogScan::tombstones_whole() const noexcept {
  TombstoneRuns runs{octets_of(collected_)};
  std::uint64_t count = 0;
  while (auto run = runs.next())
    if (__builtin_add_overflow(count, run->count, &count)) return false;
  return !runs.failed() && count == record_.count;
}

void LogScan::payload_ended(bool whole) {
  const bool promised = record_offset_ < summary_.promised;
  switch (record_.kind) {
    case RecordKind::message:
      if (!whole && !promised && second_pass_) return no_record_here();
      end_stretch(record_offset_);
      sink_.message(record_offset_, record_, whole);
      break;
    case RecordKind::tombstones:
      if (!whole) return no_record_here();
      end_stretch(record_offset_);
      sink_.tombstones(record_offset_, record_, octets_of(collected_));
      break;
    case RecordKind::skip:
      end_stretch(record_offset_);
      sink_.skip(record_offset_, record_);
      break;
  }
  position_ = record_offset_ + record_.record_octets();
  phase_ = Phase::look;
}

void LogScan::no_record_here() {
  if (!stretch_from_) stretch_from_ = record_offset_;
  position_ = record_offset_ + record_alignment;
  phase_ = Phase::look;
}

void LogScan::end_stretch(std::uint64_t end) {
  if (!stretch_from_) return;
  const Stretch stretch{*stretch_from_, end - *stretch_from_};
  stretch_from_.reset();
  if (second_pass_)
    tell_invalid(stretch);
  else
    first_pass_stretches_.push_back(stretch);
}

void LogScan::tell_invalid(Stretch stretch) {
  const std::uint64_t promised = std::clamp(summary_.promised, stretch.offset, stretch.end());
  if (promised > stretch.offset) sink_.invalid({stretch.offset, promised - stretch.offset}, true);
  if (promised < stretch.end()) sink_.invalid({promised, stretch.end() - promised}, false);
}

void LogScan::at_log_end() {
  end_stretch(start_.log_octets);
  if (second_pass_) return finish();

  second_pass_from_ = start_.verify_all ? start_.from : std::max(start_.from, summary_.promised);
  for (const Stretch& stretch : first_pass_stretches_)
    if (stretch.offset < second_pass_from_)
      tell_invalid({stretch.offset, std::min(stretch.end(), second_pass_from_) - stretch.offset});
  first_pass_stretches_.clear();
  begin_second_pass();
}

void LogScan::begin_second_pass() {
  second_pass_ = true;
  phase_ = Phase::look;
  stretch_from_.reset();
  position_ = second_pass_from_;
  if (position_ < start_.log_octets) sink_.forget_from(position_);
}

void LogScan::finish() {
  phase_ = Phase::over;
  if (summary_.promised > start_.log_octets)
    sink_.invalid({start_.log_octets, summary_.promised - start_.log_octets}, true);
  summary_.in_doubt = start_.log_octets > summary_.promised;
  summary_.append_at = aligned_up(std::max({start_.log_octets, summary_.promised, claimed_end_}));
}

}  // namespace ringpost::store
