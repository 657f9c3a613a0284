// load/options.h: the command line of ringpost-load.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <ringpost/base/time.h>

#include "accounts.h"
#include "plan.h"
#include "schedule.h"

namespace ringpost::load {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

struct Options {
  Plan plan;
  std::string server;  // as typed
  Address address;
  std::vector<Account> accounts;
  bool shared_accounts = false;  // an account may be in several sessions at once
  std::size_t connections = 16;  // at once
  std::size_t opening = 1024;    // at once between connect and login
  std::optional<double> rate;    // sessions a second: the open loop
  Arrivals arrivals = Arrivals::even;
  std::uint64_t seed = 1;
  Duration duration{};                    // 0: until `sessions` have begun
  std::optional<std::uint64_t> sessions;  // begin no more than so many
  Duration timeout{};
  std::uint64_t failures_max = 1000;
  std::size_t threads = 1;
  std::vector<int> cpus;  // thread i is pinned to cpus[i % size]
  bool json = false;
  bool quiet = false;
};

// Parses and checks, resolves the server's name, reads the account and password files. On nothing to do (--help, wrong
// usage, TLS) the exit status, after having said why.
std::expected<Options, int> options_of(int argc, const char* const* argv);

// "10s", "250ms", "1m", "2h", or a plain number of seconds.
std::optional<Duration> duration_of(std::string_view text);

}  // namespace ringpost::load
