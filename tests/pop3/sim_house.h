// tests/pop3/sim_house.h: the same server in a simulated world of one core, where time is virtual and nobody waits.
#pragma once

#include <ringpost/pop3/login_delays.h>
#include <ringpost/pop3/session.h>
#include <ringpost/pop3/session_list.h>
#include <ringpost/sim/peer.h>
#include <ringpost/sim/world.h>

#include "stage.h"

namespace ringpost::pop3 {

class SimClient;

class SimHouse final : public Stage {
 public:
  explicit SimHouse(HouseSettings settings = {}, std::uint64_t seed = 1);
  ~SimHouse() override;

  std::unique_ptr<Talker> enter() override;
  std::unique_ptr<SimClient> connect(std::uint32_t host = 1);
  void deliver(const std::string& account, std::string_view raw) override;
  bool logged(std::string_view event, std::string_view part) override;
  void pass(Duration time) { world_.run_for(time); }
  sim::SimWorld& world() { return world_; }
  std::uint32_t living() const { return gate_.count(); }

 private:
  struct Door final : ring::Operation {
    explicit Door(SimHouse& its) : house(its) { kind = ring::OpKind::accept; }
    void completed(const ring::Completion&) noexcept override;
    SimHouse& house;
  };
  ring::Proactor& proactor() { return world_.core(0); }

  sim::SimWorld world_;
  std::shared_ptr<const config::Configuration> configuration_;
  KeptLog log_;
  ring::Descriptor data_ = ring::no_descriptor;
  store::Maildrops* peers_[1] = {};
  LoginDelays* delay_peers_[1] = {};
  std::unique_ptr<store::Maildrops> maildrops_;
  std::unique_ptr<accounts::Authenticator> authenticator_;
  std::unique_ptr<LoginDelays> delays_;
  SessionList sessions_{ring::CoreIndex{0}};
  SessionCounters counters_;
  ring::SendCounters sends_;
  std::unique_ptr<Services> services_;
  ring::Gate gate_;
  std::unique_ptr<Door> door_;
};

class SimClient final : public Talker {
 public:
  SimClient(SimHouse& house, std::uint32_t host);
  ~SimClient() override;
  void send(std::string_view octets) override { peer_.send(octets); }
  std::string line() override;
  void finish() override { peer_.finish_sending(); }
  void reset() override { peer_.reset(); }
  void go_silent() { peer_.go_silent(); }

  Duration patience = std::chrono::seconds(20);

 private:
  ring::Task<void> take();
  SimHouse& house_;
  sim::Peer peer_;
  ring::Gate waits_;
};

}  // namespace ringpost::pop3
