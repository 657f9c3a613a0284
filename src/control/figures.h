// control/figures.h: the counters of all cores together, and their Prometheus text.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <ringpost/control/appliance.h>
#include <ringpost/control/core_call.h>

namespace ringpost::control {

struct Figures {
  double seconds_running = 0;
  std::uint64_t sessions = 0;  // alive now
  pop3::SessionCounters session;
  ring::SendCounters sends;
  ring::CoreCounters core;  // turn_longest_ns: the largest; the others: sums
  store::StoreCounters store;
  accounts::AuthenticatorCounters accounts;
  LogCounters log;
  Appliance::PoolCounters pools;
  std::vector<std::uint64_t> sessions_by_core;
};

// Asks every core; `then` on this thread.
void gather_figures(CoreSet& cores, Appliance& appliance, std::function<void(const Figures&)> then);

// Text exposition format 0.0.4. Names begin with ringpost_.
std::string prometheus_text(const Figures& figures);

}  // namespace ringpost::control
