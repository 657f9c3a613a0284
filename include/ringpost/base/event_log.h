// ringpost/base/event_log.h: events on their way out of a core: one line each, never a secret, never a message's
// content.
//
// Who writes an event names it and its fields; text or JSON is the receiver's choice (key=value with foreign text
// quoted, escaped and cut, R050). write() never waits: over its bound it drops the event and counts it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <variant>

namespace ringpost {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, bool> value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, int v) : key(k), value(static_cast<std::int64_t>(v)) {}
  LogField(std::string_view k, long v) : key(k), value(static_cast<std::int64_t>(v)) {}
  LogField(std::string_view k, unsigned v) : key(k), value(static_cast<std::uint64_t>(v)) {}
  LogField(std::string_view k, unsigned long v) : key(k), value(static_cast<std::uint64_t>(v)) {}
};

class EventLog {
 public:
  virtual ~EventLog() = default;
  // `event` is a short name such as "session" or "store_damage". The views are read before this returns.
  virtual void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) noexcept = 0;
};

}  // namespace ringpost
