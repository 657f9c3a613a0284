// ringpost/config/units.h: durations, sizes and addresses as people write them in the configuration.
//
// Pure, any thread. A parser returns nothing for what it does not understand; who asked says what is allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <ringpost/config/configuration.h>

namespace ringpost::config {

// "250ms", "30s", "10m", "1h", "7d": a whole number and one unit.
std::optional<milliseconds> parse_duration(std::string_view text);
// The shortest text that parse_duration() reads back as the same value.
std::string show_duration(milliseconds value);

// "0B", "64KB", "50MB", "1GiB": octets. KB and KiB both are 1024 octets, and so on up to TB.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string show_size(std::uint64_t octets);

// "127.0.0.1:110" or "[::1]:110", numeric, port 1 to 65535. The address comes back in its canonical spelling, so that
// two spellings of one address are equal.
std::optional<Endpoint> parse_endpoint(std::string_view text);
std::string show_endpoint(const Endpoint& endpoint);

enum class Reach : std::uint8_t {
  loopback,  // 127.0.0.0/8, ::1
  internal,  // 10/8, 172.16/12, 192.168/16, 169.254/16, fc00::/7
  external,  // everything else, any-address and IPv4 inside IPv6 included
};
Reach reach_of(const Endpoint& endpoint);

}  // namespace ringpost::config
