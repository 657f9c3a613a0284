// src/sim/program/server.h: one life of Ringpost in a simulated world: every core with its maildrops and its sessions.
//
// Made after world.boot(). It ends in one of two ways: stop() in a coroutine, then destruction; or its process dies,
// and it is left behind as it was (keep_remains).
#pragma once

#include <memory>
#include <vector>

#include <ringpost/accounts/account_file.h>
#include <ringpost/pop3/session.h>
#include <ringpost/pop3/session_list.h>
#include <ringpost/sim/world.h>

namespace ringpost::sim {

// Events as lines of the story. Damage is a violation: nobody flips bits here.
class StoryLog final : public EventLog {
 public:
  explicit StoryLog(SimWorld& world) : world_(world) {}
  void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) noexcept override;

 private:
  SimWorld& world_;
};

class Server {
 public:
  Server(SimWorld& world, std::shared_ptr<const config::Configuration> configuration,
         std::shared_ptr<const accounts::AccountFile> accounts);
  ~Server();

  // Maildrops::start() on core 0, then every core accepts. false: it could not start.
  ring::Task<bool> start();
  // Accepts no more, ends what sessions are left, drains, gives back all descriptors.
  ring::Task<void> stop();

  store::Maildrops& maildrops(std::uint32_t core) { return *cores_.at(core)->maildrops; }
  std::uint32_t sessions() const noexcept;
  store::StoreCounters counted() const noexcept;
  ring::SendCounters sent() const noexcept;

 private:
  struct Core;
  friend struct Core;

  SimWorld& world_;
  std::shared_ptr<const config::Configuration> configuration_;
  StoryLog log_;
  ring::Descriptor data_;
  std::vector<std::unique_ptr<Core>> cores_;
  std::vector<store::Maildrops*> peers_;
  bool stopping_ = false;

  struct Core {
    Core(Server& server, std::uint32_t number, std::shared_ptr<const accounts::AccountFile> accounts);

    struct Door final : ring::Operation {
      explicit Door(Core& its) : core(its) { kind = ring::OpKind::accept; }
      void completed(const ring::Completion&) noexcept override;
      Core& core;
    };

    Server& server;
    SimProactor& proactor;
    std::unique_ptr<store::Maildrops> maildrops;
    accounts::Authenticator authenticator;
    pop3::SessionList sessions;
    pop3::SessionCounters session_counters;
    ring::SendCounters sends;
    pop3::Services services;
    ring::Gate gate;
    Door door;
  };
};

}  // namespace ringpost::sim
