// ringpost/control/log_line.h: an event as one line, whatever its foreign texts hold (R050).
//
// Text: key=value, a value that is not plain stands in quotes with backslash escapes. JSON: one object. In both no
// control octet, no line end, no octet that is not UTF-8 and no character that turns text around gets through; a text
// that was cut ends with "...". Pure.
#pragma once

#include <string>
#include <string_view>

#include <ringpost/control/event_ring.h>

namespace ringpost::control {

// Appends the line with its line end. At most 24 KiB.
void append_text_line(std::string& out, const TakenEvent& event);
void append_json_line(std::string& out, const TakenEvent& event);

std::string_view name_of(LogLevel level) noexcept;

}  // namespace ringpost::control
