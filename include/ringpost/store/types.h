// ringpost/store/types.h: the small words of the store.
#pragma once

#include <cstdint>
#include <string>

#include <ringpost/base/identifiers.h>
#include <ringpost/base/octets.h>
#include <ringpost/base/time.h>

namespace ringpost::store {

enum class StoreError : std::uint8_t {
  in_use,           // another session holds the maildrop                       -> -ERR [IN-USE]
  temporary,        // disk full, I/O error, queue full: later it may work      -> -ERR [SYS/TEMP]
  damaged,          // needs a person: foreign file, damage, unreadable record  -> -ERR [SYS/PERM]
  no_such_message,  // a number outside 1..count, or the record is gone
  too_large,        // over max_message
  no_room,          // the reserve is not whole: deliveries and imports wait    -> 452
  not_found,        // no such maildrop (for verbs that make none)
  name_refused,     // an account name that no maildrop may bear
  ending,           // the daemon is stopping
};
using ringpost::text_of;  // of octets
const char* text_of(StoreError) noexcept;

struct MessageNumber {
  std::uint32_t value;
  auto operator<=>(const MessageNumber&) const = default;
};  // 1..n, never moves within a session
struct SnapshotIndex {
  std::uint32_t value;
  auto operator<=>(const SnapshotIndex&) const = default;
};  // 0..n-1
struct Sequence {
  std::uint64_t value = 0;
  auto operator<=>(const Sequence&) const = default;
};  // of a record, in its edition

// 128 random bits, new whenever a log begins anew (M1). Never shown to anybody.
struct Edition {
  Id128 id;
  auto operator<=>(const Edition&) const = default;
};

// Where an imported message came from, so that a second import adds nothing twice (M17). All zeros: not imported.
struct SourceId {
  Id128 id;
  auto operator<=>(const SourceId&) const = default;
};

inline constexpr std::size_t uidl_characters_max = 70;  // RFC 1939 section 7, P043
inline constexpr std::size_t encoded_name_max = 200;

}  // namespace ringpost::store
