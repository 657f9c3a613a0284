#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <netinet/in.h>

#include <ringpost/config/units.h>

namespace ringpost::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
// Smallest first.
constexpr Unit durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr Unit sizes[] = {{"B", 1},           {"KB", 1ull << 10},  {"MB", 1ull << 20},  {"GB", 1ull << 30},
                          {"TB", 1ull << 40}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30},
                          {"TiB", 1ull << 40}};
constexpr std::size_t sizes_shown = 5;

template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const Unit (&units)[N], std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  std::string_view unit_name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit_name.starts_with(' ')) unit_name.remove_prefix(1);
  for (const Unit& unit : units)
    if (unit.name == unit_name && number <= most / unit.factor) return number * unit.factor;
  return std::nullopt;
}

std::string show_with_unit(std::uint64_t value, const Unit* units, std::size_t count) {
  std::size_t at = 0;
  while (value != 0 && at + 1 < count && value % units[at + 1].factor == 0) ++at;
  return fmt::format("{}{}", value / units[at].factor, units[at].name);
}

std::optional<std::string> canonical(int family, const std::string& address) {
  unsigned char octets[sizeof(in6_addr)];
  char text[INET6_ADDRSTRLEN];
  if (inet_pton(family, address.c_str(), octets) != 1) return std::nullopt;
  if (!inet_ntop(family, octets, text, sizeof text)) return std::nullopt;
  return std::string(text);
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  const auto value =
      parse_with_unit(text, durations, std::uint64_t{std::numeric_limits<std::int64_t>::max()} / 1'000'000);
  if (!value) return std::nullopt;
  return milliseconds(static_cast<std::int64_t>(*value));
}

std::string show_duration(milliseconds value) {
  if (value.count() == 0) return "0s";
  return show_with_unit(static_cast<std::uint64_t>(value.count()), durations, std::size(durations));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, sizes, std::uint64_t{std::numeric_limits<std::int64_t>::max()});
}

std::string show_size(std::uint64_t octets) {
  return show_with_unit(octets, sizes, sizes_shown);
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  int family = AF_INET;
  if (host.starts_with('[') && host.ends_with(']') && host.size() > 2) {
    family = AF_INET6;
    host = host.substr(1, host.size() - 2);
  }
  unsigned port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc{} || end != port_text.data() + port_text.size() || port < 1 || port > 65535)
    return std::nullopt;
  auto address = canonical(family, std::string(host));
  if (!address) return std::nullopt;
  return Endpoint{std::move(*address), static_cast<std::uint16_t>(port)};
}

std::string show_endpoint(const Endpoint& endpoint) {
  if (endpoint.address.find(':') != std::string::npos) return fmt::format("[{}]:{}", endpoint.address, endpoint.port);
  return fmt::format("{}:{}", endpoint.address, endpoint.port);
}

Reach reach_of(const Endpoint& endpoint) {
  in_addr four{};
  if (inet_pton(AF_INET, endpoint.address.c_str(), &four) == 1) {
    const std::uint32_t address = ntohl(four.s_addr);
    if (address >> 24 == 127) return Reach::loopback;
    const bool internal =
        address >> 24 == 10 || address >> 20 == 0xac1 || address >> 16 == 0xc0a8 || address >> 16 == 0xa9fe;
    return internal ? Reach::internal : Reach::external;
  }
  in6_addr six{};
  if (inet_pton(AF_INET6, endpoint.address.c_str(), &six) != 1) return Reach::external;
  if (IN6_IS_ADDR_LOOPBACK(&six)) return Reach::loopback;
  return (six.s6_addr[0] & 0xfe) == 0xfc ? Reach::internal : Reach::external;
}

}  // namespace ringpost::config
