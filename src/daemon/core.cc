#include "core.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <ringpost/ring/awaitables.h>

#include "listener.h"

namespace ringpost::daemon {
namespace {

constexpr Duration drain_step = std::chrono::milliseconds(100);
constexpr Duration idle_enough_to_end = std::chrono::milliseconds(500);

ring::UringOptions options_for(ring::CoreIndex index, int cpu, const config::Appliance& appliance) {
  ring::UringOptions options;
  options.core = index;
  options.cpu = cpu;
  options.watch_switches = appliance.watch_switches;
  return options;
}

}  // namespace

Core::Core(const Surroundings& around, ring::CoreIndex index, int cpu, EventLog& log)
    : index_(index),
      configuration_(around.configuration),
      log_(log),
      proactor_(around.cores, around.pools, options_for(index, cpu, configuration_->appliance)),
      maildrops_(proactor_, configuration_->store, around.data, log, around.maildrops),
      authenticator_(proactor_, configuration_->accounts, around.accounts, log),
      login_delays_(proactor_, around.login_delays),
      sessions_(index),
      pop3_{proactor_, maildrops_, authenticator_, log_, sessions_, session_counters_, sends_, &login_delays_} {
  services_.proactor = &proactor_;
  services_.maildrops = &maildrops_;
  services_.authenticator = &authenticator_;
  services_.sessions = &sessions_;
  services_.session_counters = &session_counters_;
  services_.sends = &sends_;
  services_.core_counters = &proactor_.counters();
}

Core::~Core() = default;

void Core::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), ("core-" + std::to_string(index_.value)).c_str());
    proactor_.run();
  });
}

void Core::stop() {
  proactor_.stop();
  if (thread_.joinable()) thread_.join();
}

void Core::take_over(const Plan& plan) {
  std::map<std::string_view, const Plan::At*> wanted;
  for (const Plan::At& at : plan.places) wanted.emplace(at.endpoint, &at);
  for (const auto& [endpoint, sockets] : plan.new_sockets)
    listeners_.emplace(endpoint, std::make_unique<Listener>(*this, sockets[index_.value]));
  for (auto next = listeners_.begin(); next != listeners_.end();) {
    const auto at = next++;
    const auto found = wanted.find(at->first);
    if (found != wanted.end())
      at->second->serve(plan.configuration, *found->second, index_);
    else
      close_listener(at);
  }
}

void Core::stop_listening() noexcept {
  while (!listeners_.empty()) close_listener(listeners_.begin());
}

void Core::close_listener(std::map<std::string, std::unique_ptr<Listener>>::iterator at) noexcept {
  Listener& listener = *closing_.emplace_back(std::move(at->second));
  listeners_.erase(at);
  listener.close();
}

void Core::listener_closed(Listener& listener) noexcept {
  const auto at =
      std::find_if(closing_.begin(), closing_.end(), [&](const auto& each) { return each.get() == &listener; });
  proactor_.close(listener.socket());
  closing_.erase(at);
}

void Core::accepted(ring::Descriptor socket, Listener& at) {
  if (!at.server()) return proactor_.close(socket);
  pop3::Accepted accepted;
  accepted.socket = socket;
  accepted.configuration = at.configuration();
  accepted.server = at.server();
  accepted.connections = at.connections();
  accepted.tls = at.tls();
  accepted.tls_first = at.tls_first();
  ring::spawn(sessions_gate_, pop3::serve(pop3_, std::move(accepted)));
}

ring::Task<void> Core::drain_sessions(Duration patience) {
  stop_listening();
  const Instant until = proactor_.now() + patience;
  while (sessions_.count() > 0 && proactor_.now() < until) {
    sessions_.end_idle(idle_enough_to_end, ring::DoomReason::shutdown);
    co_await ring::Pause(proactor_, proactor_.now() + drain_step);
  }
  sessions_.end_all(ring::DoomReason::shutdown);
  co_await sessions_gate_.emptied();
}

}  // namespace ringpost::daemon
