#include <charconv>
#include <fmt/format.h>

#include <ringpost/store/foreign_uidl.h>
#include <ringpost/store/maildir.h>

namespace ringpost::store {
namespace {

struct Row {
  std::uint32_t uid = 0;
  std::uint32_t uidvalidity = 0;
  std::string_view file;  // unique part
  std::string_view guid;
};

bool read_number(std::string_view text, std::uint32_t& value) noexcept {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string number_as(std::uint32_t value, unsigned width, bool zeros, bool hexadecimal) {
  if (hexadecimal) return zeros ? fmt::format("{:0{}x}", value, width) : fmt::format("{:{}x}", value, width);
  return zeros ? fmt::format("{:0{}d}", value, width) : fmt::format("{:{}d}", value, width);
}

// "uid", "uid | hex(8)": the form with braces. False: not known.
bool expand_braced(std::string_view inside, const Row& row, std::string& out) {
  auto trimmed = [](std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
  };
  auto bar = inside.find('|');
  auto name = trimmed(inside.substr(0, bar));
  std::uint32_t value = 0;
  if (name == "uid")
    value = row.uid;
  else if (name == "uidvalidity")
    value = row.uidvalidity;
  else if (bar == std::string_view::npos && (name == "filename" || name == "guid")) {
    out += name == "guid" ? row.guid : row.file;
    return true;
  } else
    return false;
  if (bar == std::string_view::npos) {
    out += std::to_string(value);
    return true;
  }
  auto filter = trimmed(inside.substr(bar + 1));
  if (filter == "hex") {
    out += number_as(value, 0, false, true);
    return true;
  }
  std::uint32_t width = 0;
  if (!filter.starts_with("hex(") || !filter.ends_with(')') ||
      !read_number(trimmed(filter.substr(4, filter.size() - 5)), width) || width > 16)
    return false;
  out += number_as(value, width, true, true);
  return true;
}

// One variable behind '%', such as "08Xu". Advances `rest`. False: not known.
bool expand_short(std::string_view& rest, const Row& row, std::string& out) {
  bool zeros = rest.starts_with('0');
  unsigned width = 0;
  while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9' && width <= 16) {
    width = width * 10 + static_cast<unsigned>(rest[0] - '0');
    rest.remove_prefix(1);
  }
  bool hexadecimal = rest.starts_with('X');
  if (hexadecimal) rest.remove_prefix(1);
  if (rest.empty() || width > 16) return false;
  char name = rest[0];
  rest.remove_prefix(1);
  switch (name) {
    case 'u':
      out += number_as(row.uid, width, zeros, hexadecimal);
      return true;
    case 'v':
      out += number_as(row.uidvalidity, width, zeros, hexadecimal);
      return true;
    case 'f':
      out += row.file;
      return true;
    case 'g':
      out += row.guid;
      return true;
    case '%':
      out += '%';
      return true;
    default:
      return false;
  }
}

std::expected<std::string, std::string> expand(std::string_view format, const Row& row) {
  std::string out;
  auto rest = format;
  while (!rest.empty()) {
    char c = rest[0];
    rest.remove_prefix(1);
    if (c != '%') {
      out += c;
      continue;
    }
    bool known = false;
    if (rest.starts_with('{')) {
      auto close = rest.find('}');
      if (close != std::string_view::npos) {
        known = expand_braced(rest.substr(1, close - 1), row, out);
        rest.remove_prefix(close + 1);
      }
    } else {
      known = expand_short(rest, row, out);
    }
    if (!known)
      return std::unexpected(fmt::format("pop3_uidl_format \"{}\" has a variable that is not known here", format));
  }
  return out;
}

std::string_view next_word(std::string_view& rest) noexcept {
  auto end = rest.find(' ');
  auto word = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return word;
}

// "3 V1275660208 N25022 G3085..." or "1 1275660208 25022".
bool read_head(std::string_view line, std::uint32_t& version, std::uint32_t& uidvalidity) noexcept {
  if (!read_number(next_word(line), version)) return false;
  if (version == 1) return read_number(next_word(line), uidvalidity);
  if (version != 3) return false;
  while (!line.empty()) {
    auto word = next_word(line);
    if (word.starts_with('V')) return read_number(word.substr(1), uidvalidity);
  }
  return false;
}

}  // namespace

std::expected<ForeignUidls, std::string> read_dovecot_uidlist(std::string_view content, std::string_view format) {
  ForeignUidls uidls;
  std::uint32_t version = 0;
  Row row;
  for (std::size_t number = 1; !content.empty(); ++number) {
    auto end = content.find('\n');
    if (end == std::string_view::npos) break;  // a line that Dovecot was still writing
    auto line = content.substr(0, end);
    content.remove_prefix(end + 1);
    if (number == 1) {
      if (!read_head(line, version, row.uidvalidity))
        return std::unexpected("line 1: neither version 1 nor 3 of dovecot-uidlist");
      continue;
    }
    if (!read_number(next_word(line), row.uid)) return std::unexpected(fmt::format("line {}: no UID", number));
    std::string_view kept;
    bool has_kept = false;
    std::uint32_t order = row.uid;
    row.guid = {};
    while (version == 3 && !line.empty() && !line.starts_with(':')) {
      auto field = next_word(line);
      if (field.starts_with('G')) row.guid = field.substr(1);
      if (field.starts_with('P')) kept = field.substr(1), has_kept = true;
      if (field.starts_with('O') && !read_number(field.substr(1), order)) order = row.uid;
    }
    if (version == 3 && line.starts_with(':')) line.remove_prefix(1);
    if (line.empty()) return std::unexpected(fmt::format("line {}: no file name", number));
    row.file = maildir_name(line).unique;
    if (row.guid.empty()) row.guid = row.file;  // Dovecot's GUID of a Maildir message unless it says otherwise
    ForeignUidl& message = uidls[std::string(row.file)];
    message.order = order;
    if (has_kept) {
      message.uidl = kept.empty() ? row.file : kept;
      continue;
    }
    auto uidl = expand(format, row);
    if (!uidl) return std::unexpected(uidl.error());
    message.uidl = std::move(*uidl);
  }
  if (version == 0) return std::unexpected("line 1: the file is empty");
  return uidls;
}

}  // namespace ringpost::store
