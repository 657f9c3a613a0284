#include <fmt/format.h>

#include <ringpost/store/foreign_uidl.h>

namespace ringpost::store {
namespace {

std::uint32_t big_endian_32(Octets content, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint32_t>(content[at + i]);
  return value;
}

std::uint64_t big_endian_64(Octets content, std::size_t at) noexcept {
  return std::uint64_t{big_endian_32(content, at)} << 32 | big_endian_32(content, at + 4);
}

// Where the fields stand: one layout up to minor version 19, another from 20 on, whose times are 64 bits of
// nanoseconds.
struct Layout {
  std::size_t header_octets_min;
  std::size_t options;
  std::size_t uidvalidity;
  std::size_t record_octets_min;
  std::size_t received;
  std::size_t flags;
  bool nanoseconds;
};
constexpr Layout until_19 = {64, 60, 44, 36, 4, 32, false};
constexpr Layout from_20 = {96, 64, 92, 40, 8, 36, true};

constexpr std::size_t minor_version_at = 8;
constexpr std::size_t start_at = 12;
constexpr std::size_t record_size_at = 16;
constexpr std::size_t record_count_at = 20;
constexpr std::uint32_t minor_version_min = 8;
constexpr std::uint32_t minor_version_max = 20;
constexpr std::uint32_t flag_expunged = 1u << 31;
constexpr std::uint32_t option_new_uidl = 1;

}  // namespace

std::expected<CyrusIndex, std::string> read_cyrus_index(Octets content) {
  if (content.size() < until_19.header_octets_min) return std::unexpected("too short for a cyrus.index");
  auto version = big_endian_32(content, minor_version_at);
  if (version < minor_version_min || version > minor_version_max)
    return std::unexpected(fmt::format("minor version {} of cyrus.index is not known", version));
  const Layout& layout = version >= 20 ? from_20 : until_19;
  auto start = big_endian_32(content, start_at);
  auto record_size = big_endian_32(content, record_size_at);
  auto count = big_endian_32(content, record_count_at);
  if (start < layout.header_octets_min || start > content.size() || record_size < layout.record_octets_min)
    return std::unexpected("the header of cyrus.index contradicts itself");
  if ((content.size() - start) / record_size < count) return std::unexpected("cyrus.index is cut short");

  CyrusIndex index;
  index.uidvalidity = big_endian_32(content, layout.uidvalidity);
  index.uid_alone = !(big_endian_32(content, layout.options) & option_new_uidl);
  for (std::uint32_t i = 0; i < count; ++i) {
    auto record = content.subspan(start + std::size_t{i} * record_size, record_size);
    CyrusMessage& message = index.messages[big_endian_32(record, 0)];
    message.expunged = big_endian_32(record, layout.flags) & flag_expunged;
    message.received.microseconds = layout.nanoseconds
                                        ? static_cast<std::int64_t>(big_endian_64(record, layout.received) / 1000)
                                        : std::int64_t{big_endian_32(record, layout.received)} * 1'000'000;
  }
  return index;
}

std::string CyrusIndex::uidl(std::uint32_t uid, CyrusFormat format) const {
  if (uid_alone) return fmt::format("{}", uid);
  switch (format) {
    case CyrusFormat::cyrus:
      return fmt::format("{}.{}", uidvalidity, uid);
    case CyrusFormat::uidonly:
      return fmt::format("{}", uid);
    case CyrusFormat::dovecot:
      return fmt::format("{:08x}{:08x}", uid, uidvalidity);
    case CyrusFormat::courier:
      return fmt::format("{}-{}", uidvalidity, uid);
  }
  return {};
}

}  // namespace ringpost::store
