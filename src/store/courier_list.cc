#include <charconv>
#include <fmt/format.h>

#include <ringpost/store/foreign_uidl.h>
#include <ringpost/store/maildir.h>

namespace ringpost::store {
namespace {

bool read_number(std::string_view text, std::uint64_t& value) noexcept {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

// The name as Courier shows it for a message without a number: odd characters as +XX.
std::string name_as_uidl(std::string_view unique) {
  std::string uidl;
  for (char c : unique) {
    bool odd = c < 0x21 || c > 0x7e || c == '\'' || c == '"' || c == '+';
    if (odd)
      uidl += fmt::format("+{:02X}", static_cast<unsigned char>(c));
    else
      uidl += c;
  }
  return uidl;
}

std::string numbered_uidl(std::uint64_t uid, std::uint64_t validity) {
  return validity ? fmt::format("UID{}-{}", uid, validity) : fmt::format("UID{}", uid);
}

// "n", "n:v" or "n:v:utf8".
bool read_uid_field(std::string_view field, std::uint64_t& uid, std::uint64_t& validity) noexcept {
  auto colon = field.find(':');
  validity = 0;
  if (!read_number(field.substr(0, colon), uid)) return false;
  if (colon == std::string_view::npos) return true;
  auto rest = field.substr(colon + 1);
  return read_number(rest.substr(0, rest.find(':')), validity);
}

}  // namespace

std::expected<ForeignUidls, std::string> read_courier_list(std::string_view content) {
  ForeignUidls uidls;
  int version = 0;
  std::uint64_t order = 0;
  for (std::size_t number = 1; !content.empty(); ++number) {
    auto end = content.find('\n');
    auto line = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (number == 1 && line.starts_with('/')) {
      auto digits = line.substr(1, line.find(' ') - 1);
      std::from_chars(digits.data(), digits.data() + digits.size(), version);
      if (version < 1 || version > 3)
        return std::unexpected("line 1: a version of courierpop3dsizelist that is not known");
      continue;
    }
    if (line.empty()) continue;
    std::uint64_t uid = 0;
    std::uint64_t validity = 0;
    auto last = line.rfind(' ');
    if (last == std::string_view::npos) return std::unexpected(fmt::format("line {}: no size", number));
    auto name = line.substr(0, last);
    if (version > 0) {
      if (!read_uid_field(line.substr(last + 1), uid, validity))
        return std::unexpected(fmt::format("line {}: no number behind the size", number));
      last = name.rfind(' ');
      if (last == std::string_view::npos) return std::unexpected(fmt::format("line {}: no size", number));
      name = name.substr(0, last);
    }
    auto unique = maildir_name(name).unique;
    uidls[std::string(unique)] = {uid ? numbered_uidl(uid, validity) : name_as_uidl(unique), ++order};
  }
  return uidls;
}

}  // namespace ringpost::store
