#include <ctime>
#include <fmt/format.h>

#include <ringpost/control/log_line.h>

namespace ringpost::control {
namespace {

// The octets of the UTF-8 character that `text` begins with; 0: none does (overlong, surrogate, cut, stray).
std::size_t character_octets(std::string_view text, std::uint32_t& code) {
  const auto octet = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at])); };
  const std::uint32_t first = octet(0);
  if (first < 0x80) return code = first, 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  code = first & (0xffu >> (length + 1));
  for (std::size_t at = 1; at < length; ++at) {
    if ((octet(at) & 0xc0) != 0x80) return 0;
    code = (code << 6) | (octet(at) & 0x3f);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 0;
  return length;
}

// Control characters of all kinds: C0, C1, line and paragraph separators, marks that turn the reading direction.
bool is_hidden(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view("._-:/@+[]%,").find(c) == std::string_view::npos) return false;
  }
  return true;
}

// Calls visible(octets) for what may stand as it is, hidden(octets, code) for the rest; code 0xfffd: not UTF-8.
template <typename Visible, typename Hidden>
void walk(std::string_view text, Visible visible, Hidden hidden) {
  while (!text.empty()) {
    std::uint32_t code = 0xfffd;
    const std::size_t length = character_octets(text, code);
    if (length == 0)
      hidden(text.substr(0, 1), 0xfffdu);
    else if (is_hidden(code))
      hidden(text.substr(0, length), code);
    else
      visible(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void append_quoted(std::string& out, std::string_view text, bool cut) {
  out += '"';
  walk(
      text,
      [&](std::string_view part) {
        if (part == "\"" || part == "\\") out += '\\';
        out += part;
      },
      [&](std::string_view part, std::uint32_t) {
        for (const char c : part) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      });
  out += cut ? "...\"" : "\"";
}

void append_json_string(std::string& out, std::string_view text, bool cut) {
  out += '"';
  walk(
      text,
      [&](std::string_view part) {
        if (part == "\"" || part == "\\") out += '\\';
        out += part;
      },
      [&](std::string_view, std::uint32_t code) { out += fmt::format("\\u{:04x}", code); });
  out += cut ? "...\"" : "\"";
}

std::string time_text(WallTime time) {
  const std::time_t seconds = time.microseconds / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, time.microseconds % 1'000'000);
}

void append_scalar(std::string& out, const TakenField& field) {
  if (const auto* integer = std::get_if<std::int64_t>(&field.value))
    out += fmt::format("{}", *integer);
  else if (const auto* natural = std::get_if<std::uint64_t>(&field.value))
    out += fmt::format("{}", *natural);
  else if (const auto* flag = std::get_if<bool>(&field.value))
    out += *flag ? "true" : "false";
}

}  // namespace

std::string_view name_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      break;
  }
  return "error";
}

void append_text_line(std::string& out, const TakenEvent& event) {
  out += fmt::format("time={} level={} event={}", time_text(event.time), name_of(event.level), event.event);
  for (const TakenField& field : event.fields) {
    out += ' ';
    out += field.key;
    out += '=';
    const auto* text = std::get_if<std::string_view>(&field.value);
    if (!text)
      append_scalar(out, field);
    else if (!field.cut && is_plain(*text))
      out += *text;
    else
      append_quoted(out, *text, field.cut);
  }
  out += '\n';
}

void append_json_line(std::string& out, const TakenEvent& event) {
  out += fmt::format(R"({{"time":"{}","level":"{}","event":)", time_text(event.time), name_of(event.level));
  append_json_string(out, event.event, false);
  for (const TakenField& field : event.fields) {
    out += ',';
    append_json_string(out, field.key, false);
    out += ':';
    if (const auto* text = std::get_if<std::string_view>(&field.value))
      append_json_string(out, *text, field.cut);
    else
      append_scalar(out, field);
  }
  out += "}\n";
}

}  // namespace ringpost::control
