#include "setting.h"

#include <filesystem>

namespace ringpost::config {

std::string visible(std::string_view text, std::size_t most) {
  std::string shown;
  for (const char c : text) {
    if (shown.size() >= most) return shown + "...";
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      shown += c;
  }
  return shown;
}

std::string describe(const Given& given) {
  switch (given.kind) {
    case Given::Kind::text:
      return fmt::format("\"{}\"", visible(given.text));
    case Given::Kind::integer:
      return fmt::format("{}", given.integer);
    case Given::Kind::flag:
      return given.flag ? "true" : "false";
    case Given::Kind::list:
      return given.items.empty() ? "an empty list" : "a list";
    case Given::Kind::other:
      break;
  }
  return "a value of this kind";
}

std::string absolute_path(std::string_view path, const Surroundings& surroundings) {
  return (std::filesystem::path(surroundings.path).parent_path() / path).lexically_normal().string();
}

}  // namespace ringpost::config
