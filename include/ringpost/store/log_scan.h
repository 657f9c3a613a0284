// ringpost/store/log_scan.h: reading a log from some record on, in bounded memory, by M7's rules.
//
// It does no I/O: it says which octets it wants, is fed them, and tells a sink what they were.
//
// When is a record valid? Numbered, so that tests can name them:
//   V1  It begins on a multiple of 64.
//   V2  Its header decodes: magic, version, kind, lengths, CRC32C over magic and edition (so zeros never verify); and
//       its `synced` is a multiple of 64 that does not lie behind its own beginning.
//   V3  Its edition is the log's: that of the first record with V1 and V2, or the one the caller names.
//   V4  A tombstones record's payload verifies, wherever it lies: the listing depends on it.
//   V5  Behind D, a message's reply verifies. Before D its header decides; the reply is not read.
// After octets that are no valid record, every following multiple of 64 is tried. Octets of a message cannot be taken
// for a record there (format.h: the magic). Octets that can't be read never come here: the caller gives up (SYS/TEMP).
//
// How D is found (M2): D is the largest `synced` of any record, or the end of the record of the index's last valid
// entry (Start::promised), whichever is more. A header that verifies was written by us after that sync had returned, so
// its `synced` counts even where its own payload did not reach the disk; and because payloads count for nothing there,
// D can be found before anything behind D is judged:
//   First pass   hops from header to header; payloads are read only of tombstones, and where a header failed, in search
//                of the next. At its end D is known. What the sink was told of records before D stands.
//   Second pass  from D on, where a record begins: the sink is told to forget all from there on, and the rest is read
//                again with every payload verified. In doubt is what one batch and one sync can hold, so this is short.
//                (Should a search inside a torn record meet a larger `synced`, D rises and the pass begins anew.)
// With verify_all the second pass begins at the start (and is the only one where all is known to be promised): that is
// `mailbox check`.
// A 10 GB log costs its headers, large bodies are hopped over. Memory: one window of the caller's and one tombstones
// payload.
//
// Extents: a record's header claims octets up to its end whether or not they reached the disk. Nothing may ever be
// written inside a claimed extent, or a later first pass hops over it: append at ScanSummary::append_at or behind.
//
// One thread at a time. Lifetime: the sink outlives the scan.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ringpost/base/octets.h>
#include <ringpost/store/format.h>
#include <ringpost/store/types.h>

namespace ringpost::store {

// Octets offset..offset+octets of the log.
struct Stretch {
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;
  std::uint64_t end() const noexcept { return offset + octets; }
  auto operator<=>(const Stretch&) const = default;
};

// Is told what a scan meets, in the order of the log. The views in a Record are good for the call only.
class ScanSink {
 public:
  virtual ~ScanSink() = default;
  // `readable` false: listed (it lies before D), but its reply fails its CRC or is cut off (verify_all only).
  virtual void message(std::uint64_t offset, const Record&, bool readable) = 0;
  virtual void tombstones(std::uint64_t offset, const Record&, Octets payload) = 0;
  // from..to of the log count as absent: whatever was told of records that begin there is withdrawn.
  virtual void skip(std::uint64_t offset, const Record&) = 0;
  // No valid record. `damage`: before D; else a torn tail. Told once for each stretch, when its end is known.
  virtual void invalid(Stretch, bool damage) = 0;
  // Forget all that was told of octets from `offset` on: it will be told again.
  virtual void forget_from(std::uint64_t offset) = 0;
};

struct ScanStart {
  std::uint64_t log_octets = 0;        // the log's length now; nothing behind is looked at
  std::uint64_t from = 0;              // 0, or where a record of `edition` is known to begin
  std::optional<Edition> edition;      // none: the log's own first record names it
  std::uint64_t promised = 0;          // what is known of D: end of the record of the index's last valid entry ...
  std::optional<Edition> promised_in;  // ... which counts if this is the log's edition, or if there is none here
  bool verify_all = false;
};

struct ScanSummary {
  std::optional<Edition> edition;  // none: there is no record
  std::uint64_t promised = 0;      // D
  Sequence last_sequence;          // the largest of any header met; the next record takes one more
  // Where the next record may be written: behind the log's end, behind D, behind every claimed extent; aligned.
  std::uint64_t append_at = 0;
  bool in_doubt = false;  // something lies behind D (M8)
  // Looked at when from == 0: does the log begin with a sector (512 octets, or what there is) of zeros; with our magic?
  bool begins_with_zeros = false;
  bool begins_with_magic = false;
  // Of the record at `from`, to see whether an index fits; first_end 0: none begins there.
  Sequence first_sequence;
  std::uint64_t first_end = 0;
};

class LogScan {
 public:
  struct Want {
    std::uint64_t offset = 0;
    std::size_t octets = 0;  // 1..window_octets_max, never past log_octets
  };
  static constexpr std::size_t window_octets_max = 256 * 1024;

  LogScan(const ScanStart&, ScanSink&);

  // What to read next; nothing: the scan is over. A scan of an empty log is over at once.
  std::optional<Want> want() const noexcept;
  // Exactly the octets wanted. They need not outlive the call.
  void feed(Octets);

  // Once over.
  const ScanSummary& summary() const noexcept { return summary_; }

 private:
  enum class Phase : std::uint8_t { look, payload, over };

  bool look(Octets rest);
  bool accept(const Record&);
  void take(const Record&);
  void read_payload(Octets rest);
  void payload_ended(bool whole);
  bool tombstones_whole() const noexcept;
  void no_record_here();
  void end_stretch(std::uint64_t end);
  void tell_invalid(Stretch);
  void at_log_end();
  void begin_second_pass();
  void finish();

  ScanStart start_;
  ScanSink& sink_;
  ScanSummary summary_;
  Phase phase_ = Phase::look;
  bool second_pass_ = false;
  std::uint64_t second_pass_from_ = 0;
  std::uint64_t position_ = 0;       // of the next octet wanted
  std::uint64_t record_offset_ = 0;  // the record that was taken last
  Record record_;
  std::string uidl_;       // record_.uidl's octets
  std::string collected_;  // a tombstones payload
  std::uint32_t crc_ = 0;
  std::uint64_t payload_left_ = 0;
  std::optional<std::uint64_t> stretch_from_;
  std::vector<Stretch> first_pass_stretches_;  // told when D is known
  std::uint64_t claimed_end_ = 0;
  std::uint64_t last_extent_ = 0;
};

}  // namespace ringpost::store
