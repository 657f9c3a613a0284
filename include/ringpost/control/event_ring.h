// ringpost/control/event_ring.h: events of one thread on their way to the log.
//
// One thread writes, one takes out. write() never waits and allocates nothing: an event that finds no room is dropped
// and counted. What is foreign is copied as it is, cut at text_octets_max; quoting is done where it is read.
// Owner: the LogSink (control/log_sink.h), which outlives the writing thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include <ringpost/base/event_log.h>
#include <ringpost/base/octets.h>
#include <ringpost/base/time.h>

namespace ringpost::control {

// An event as it is taken out. The views hold until the next one is taken.
struct TakenField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, bool> value;
  bool cut = false;  // a text that was longer
};
struct TakenEvent {
  WallTime time;
  LogLevel level = LogLevel::info;
  std::string_view event;
  std::vector<TakenField> fields;
};

// Told after an event was written, when the taker may be asleep.
class EventReader {
 public:
  virtual void woken_by_event() noexcept = 0;
  std::atomic<bool> asleep{false};
  std::atomic<LogLevel> level{LogLevel::info};  // less serious events are not even copied

 protected:
  ~EventReader() = default;
};

class EventRing final : public EventLog {
 public:
  static constexpr std::size_t event_octets_max = 4096;  // what does not fit is cut: fields at the end are left out
  static constexpr std::size_t text_octets_max = 256;    // of one foreign text

  // `octets` of room, rounded up to a power of two.
  EventRing(std::size_t octets, EventReader& reader);

  void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) noexcept override;

  // The taking thread. false: nothing is there.
  bool take(TakenEvent& into);
  bool empty() const noexcept {
    return taken_.load(std::memory_order_relaxed) == written_.load(std::memory_order_acquire);
  }
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  void copy_in(std::uint64_t at, Octets octets) noexcept;
  void copy_out(std::uint64_t at, MutableOctets octets) const noexcept;

  EventReader& reader_;
  const std::uint64_t size_;
  std::unique_ptr<std::byte[]> room_;
  alignas(64) std::atomic<std::uint64_t> written_{0};  // octets, ever
  alignas(64) std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::vector<std::byte> event_;  // the event taken last
};

}  // namespace ringpost::control
