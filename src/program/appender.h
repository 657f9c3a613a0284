// program/appender.h: messages on their way into a maildrop, whichever way is open.
//
// Two classes implement it: one that runs the store in this process, on the files, when no daemon does, and one that
// streams to the daemon over its control socket. Many messages are under way at once, so that the store can sync them
// together. Blocking; one thread.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ringpost/base/octets.h>
#include <ringpost/base/time.h>
#include <ringpost/store/types.h>

namespace ringpost::program {

// A message in wire normal form (store/wire_form.h), stuffed, without terminator, and what is known of it.
struct Prepared {
  std::string wire;
  std::uint64_t octets = 0;         // as LIST counts them
  std::uint64_t header_octets = 0;  // of the wire form, with the empty line
  std::uint32_t wire_crc32c = 0;
  WallTime received;  // zero: now
  std::uint32_t flags = 0;
  std::string uidl;  // wanted; empty: a new one
  store::SourceId source;
  std::string origin;  // for reports only: a file's name, or its place in an mbox
};

struct Outcome {
  std::unique_ptr<Prepared> message;
  bool already_there = false;  // its source id was known: nothing was added (M17)
  bool uidl_replaced = false;  // the wanted UIDL was taken (M16)
  std::string uidl;            // the one it has
};

class Appender {
 public:
  virtual ~Appender() = default;

  // Takes a message for `account`; waits while too many octets are under way (in_flight_octets_max, in_flight_max).
  virtual void submit(const std::string& account, std::unique_ptr<Prepared>) = 0;

  // The outcome of the earliest submitted message whose outcome was not taken yet; nullopt if there is none. A message
  // that `stored` is durable. An error is the reason in words; the message was not added, later ones may be.
  virtual std::optional<std::expected<Outcome, std::string>> next() = 0;

  // How many were submitted whose outcome was not taken yet.
  virtual std::size_t under_way() const = 0;
};

inline constexpr std::size_t in_flight_max = 256;
inline constexpr std::size_t in_flight_octets_max = 16 << 20;

// A message on its way out, as the export writes it.
struct Listed {
  std::uint32_t number = 0;
  std::uint64_t octets = 0;
  std::string uidl;
  WallTime received;
};

class MaildropReader {
 public:
  virtual ~MaildropReader() = default;
  // A snapshot without the lock (M14), kept until the reader goes.
  virtual std::expected<std::vector<Listed>, std::string> list(const std::string& account) = 0;
  // One message's wire form without status line and terminator, in pieces.
  virtual std::expected<void, std::string> read(std::uint32_t number, const std::function<void(Octets)>& piece) = 0;
};

}  // namespace ringpost::program
