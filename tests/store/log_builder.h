// log_builder.h: logs, made in memory for tests, and a scan of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ringpost/base/crc32c.h>
#include <ringpost/store/format.h>
#include <ringpost/store/listing.h>
#include <ringpost/store/log_scan.h>
#include <ringpost/store/wire_form.h>

namespace ringpost::store {

inline Edition edition_of(char c) {
  Edition edition;
  edition.id.octets.fill(std::byte(c));
  return edition;
}

struct LogBuilder {
  Edition edition = edition_of('E');
  std::string log;
  std::uint64_t sequence = 1;
  std::uint64_t synced = 0;

  // Everything so far was acknowledged: what follows says so.
  void sync() { synced = log.size(); }

  std::uint64_t message(std::string_view raw, std::string uidl = {}) {
    std::string wire;
    WireFormer former;
    former.feed(octets_of(raw), wire);
    former.finish(wire);
    MessageToWrite message;
    message.sequence = Sequence{sequence};
    message.synced = synced;
    message.octets = former.octets();
    message.wire_octets = former.wire_octets();
    message.wire_crc32c = former.crc32c();
    message.header_part_octets = former.header_octets();
    message.received = WallTime{1'700'000'000'000'000};
    message.uidl = uidl.empty() ? uidl = "u" + std::to_string(sequence) : uidl;
    const auto frame = encode_message(edition, message);
    const std::uint64_t at = log.size();
    log += text_of(frame.head());
    log += wire;
    log += text_of(frame.tail());
    ++sequence;
    return at;
  }
  std::uint64_t tombstones(std::vector<Sequence> deleted) {
    const std::uint64_t at = log.size();
    log += encode_tombstones(edition, Sequence{sequence++}, synced, deleted);
    return at;
  }
  std::uint64_t skip(std::uint64_t from, std::uint64_t to) {
    const std::uint64_t at = log.size();
    log += encode_skip(edition, Sequence{sequence++}, synced, from, to);
    return at;
  }
};

inline ScanSummary scan_into(Listing& listing, std::string_view log, ScanStart start = {},
                             std::uint64_t* octets_read = nullptr) {
  start.log_octets = log.size();
  LogScan scan(start, listing);
  while (auto want = scan.want()) {
    if (octets_read) *octets_read += want->octets;
    const std::string window(log.substr(want->offset, want->octets));  // a copy of its own: overreads show
    scan.feed(octets_of(window));
  }
  listing.finish();
  return scan.summary();
}

inline std::vector<std::string> uidls_alive(const Listing& listing) {
  std::vector<std::string> uidls;
  for (const auto& message : listing.messages())
    if (message.alive) uidls.emplace_back(listing.uidl(message));
  return uidls;
}

using Uidls = std::vector<std::string>;

}  // namespace ringpost::store
