// daemon/core.h: one core: its thread, its proactor, and all that lives on it (DESIGN 2).
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <ringpost/control/core_call.h>
#include <ringpost/pop3/login_delays.h>
#include <ringpost/pop3/session_list.h>
#include <ringpost/ring/uring_proactor.h>

#include "certificates.h"

namespace ringpost::daemon {

// How many connections each virtual server has, all cores together. Made by the control thread, lives to the end.
using ConnectionCounts = std::map<std::string, std::atomic<std::uint32_t>>;

// A configuration as the cores take it over. Immutable, shared.
struct Plan {
  std::shared_ptr<const config::Configuration> configuration;
  struct At {
    std::string endpoint;
    const config::VirtualServer* server = nullptr;  // the configuration's
    std::atomic<std::uint32_t>* connections = nullptr;
    CoreContexts tls;        // empty: the virtual server has no certificate
    bool tls_first = false;  // POP3S
  };
  std::vector<At> places;                               // where to listen from now on
  std::map<std::string, std::vector<int>> new_sockets;  // of those that were not open: one a core
};

class Listener;

class Core {
 public:
  struct Surroundings {
    ring::Cores& cores;
    ring::Pools pools;
    std::shared_ptr<const config::Configuration> configuration;  // of the start: what counts only after a restart
    std::shared_ptr<const accounts::AccountFile> accounts;
    ring::Descriptor data;
    // Of all cores, complete before the first thread begins.
    std::span<store::Maildrops* const> maildrops;
    std::span<pop3::LoginDelays* const> login_delays;
  };
  // Throws std::runtime_error where the machine can't do it, with a sentence.
  Core(const Surroundings&, ring::CoreIndex, int cpu, EventLog&);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  store::Maildrops& maildrops() noexcept { return maildrops_; }
  pop3::LoginDelays& login_delays() noexcept { return login_delays_; }
  control::CoreServices& services() noexcept { return services_; }

  void start();
  // Nothing may be in flight any more. Waits for the thread.
  void stop();

  // --- On the core's thread ----------------------------------------------------------------------------------------
  void take_over(const Plan&);
  void stop_listening() noexcept;
  // Ends sessions: idle ones soon, the others after `deadline`; returns when none is left.
  ring::Task<void> drain_sessions(Duration patience);

 private:
  friend class Listener;
  void accepted(ring::Descriptor socket, Listener& at);
  void close_listener(std::map<std::string, std::unique_ptr<Listener>>::iterator at) noexcept;
  void listener_closed(Listener& listener) noexcept;

  const ring::CoreIndex index_;
  const std::shared_ptr<const config::Configuration> configuration_;
  EventLog& log_;
  ring::UringProactor proactor_;
  store::Maildrops maildrops_;
  accounts::Authenticator authenticator_;
  pop3::LoginDelays login_delays_;
  pop3::SessionList sessions_;
  pop3::SessionCounters session_counters_;
  ring::SendCounters sends_;
  pop3::Services pop3_;
  control::CoreServices services_;
  ring::Gate sessions_gate_;
  std::map<std::string, std::unique_ptr<Listener>> listeners_;  // by address and port
  std::vector<std::unique_ptr<Listener>> closing_;
  std::thread thread_;
};

}  // namespace ringpost::daemon
