// load/plan.h: what one session does, and what can go wrong with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringpost::load {

enum class Scenario { poll, download, mixed, idle };
enum class Listing { uidl, list, both, none };

struct Plan {
  Scenario scenario = Scenario::poll;
  Listing listing = Listing::uidl;
  std::uint32_t first_message = 1;
  std::uint32_t last_message = 0;  // 0: the maildrop's last
  std::uint32_t messages = 0;      // so many a session out of first..last, going round; 0: all of them
  bool pipeline = false;           // all RETR commands in one write
  double download_share = 0.1;     // of Scenario::mixed: the part of sessions that download
};

// The steps of a session whose answers are timed, in their order.
enum class Step : std::uint8_t { greeting, user, pass, stat, uidl, list, retr, quit };
inline constexpr std::size_t step_count = 8;
inline constexpr std::array<std::string_view, step_count> step_names{"greeting", "user", "pass", "stat",
                                                                     "uidl",     "list", "retr", "quit"};

enum class Failure : std::uint8_t {
  connect,    // no connection came about
  closed,     // the server closed in the middle of a session
  timed_out,  // no octet for longer than allowed
  refused,    // -ERR
  malformed,  // no POP3 answer, or octets that nobody asked for
  mismatch,   // answers that contradict each other: counts, numbers, sizes
  unserved,   // open loop: due, but never begun before the run's end
};
inline constexpr std::size_t failure_count = 7;
inline constexpr std::array<std::string_view, failure_count> failure_names{
    "connect", "closed", "timed_out", "refused", "malformed", "mismatch", "unserved"};

}  // namespace ringpost::load
