// both_engines.h: one text of a test for the real ring and for the simulator.
//
// A test gives the server's side as a coroutine over a Proactor and the peer's side as steps; how time passes and who
// carries the octets is the engine's affair.
#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <ringpost/sim/peer.h>
#include <ringpost/sim/world.h>

#include "one_core.h"
#include "peer.h"

namespace ringpost::ring {

struct PeerStep {
  enum class What : std::uint8_t { say, finish, reset, hang_up, pause, hear_all };
  What what = What::hear_all;
  std::string octets{};
  Duration pause{};
};

inline PeerStep say(std::string octets) {
  return {PeerStep::What::say, std::move(octets)};
}
inline PeerStep pause(Duration duration) {
  return {PeerStep::What::pause, {}, duration};
}
inline const PeerStep finish{PeerStep::What::finish};
inline const PeerStep reset{PeerStep::What::reset};
inline const PeerStep hang_up{PeerStep::What::hang_up};
inline const PeerStep hear_all{PeerStep::What::hear_all};  // until the server's end of the stream

struct Heard {
  std::string octets;
  bool reset = false;  // the stream ended by a reset
};

class Engine {
 public:
  using Serve = std::function<Task<void>(Proactor&, Descriptor socket)>;
  virtual ~Engine() = default;
  virtual Proactor& proactor() = 0;
  virtual Descriptor folder() = 0;  // an empty one, for files
  // Runs both sides to their ends; insists that nothing is left in flight, lent or open.
  virtual Heard converse(const Serve& serve, const std::vector<PeerStep>& steps) = 0;
};

class UringEngine final : public Engine {
 public:
  Proactor& proactor() override { return core_.proactor; }
  Descriptor folder() override { return folder_.fd(); }
  Heard converse(const Serve& serve, const std::vector<PeerStep>& steps) override {
    SocketPair pair(2304, 2304);  // as small as the kernel allows
    Heard heard;
    std::thread peer([&] {
      for (const PeerStep& step : steps) play(pair, step, heard);
    });
    core_.run(serve(core_.proactor, pair.ours));
    peer.join();
    return heard;
  }

 private:
  static void play(SocketPair& pair, const PeerStep& step, Heard& heard) {
    const linger at_once{1, 0};
    switch (step.what) {
      case PeerStep::What::say:
        return write_all(pair.peer, step.octets);
      case PeerStep::What::finish:
        ::shutdown(pair.peer, SHUT_WR);
        return;
      case PeerStep::What::reset:
        ::setsockopt(pair.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        return pair.hang_up();
      case PeerStep::What::hang_up:
        return pair.hang_up();
      case PeerStep::What::pause:
        return std::this_thread::sleep_for(step.pause);
      case PeerStep::What::hear_all:
        heard.octets += read_all(pair.peer, 1024);
        if (const auto at = heard.octets.rfind("<errno"); at != std::string::npos) {
          heard.octets.resize(at);
          heard.reset = true;
        }
    }
  }

  OneCore core_;
  TemporaryFolder folder_;
};

class SimEngine final : public Engine {
 public:
  explicit SimEngine(std::uint64_t seed = 1, const sim::Faults& faults = sim::Faults::none())
      : world_(seed, faults, 1) {
    world_.make_durable_folder("files");
    world_.boot();
    folder_ = world_.open_folder("files");
  }
  ~SimEngine() override {
    world_.core(0).close(folder_);
    world_.shut_down();
    for (const auto& violation : world_.story().violations()) ADD_FAILURE() << violation;
  }
  Proactor& proactor() override { return world_.core(0); }
  Descriptor folder() override { return folder_; }
  Heard converse(const Serve& serve, const std::vector<PeerStep>& steps) override {
    Door door(*this, serve);
    door.kind = OpKind::accept;
    door.fd = world_.listen(110);
    world_.core(0).start(door);
    Heard heard;
    Gate clients;
    sim::Peer peer(world_.network(), world_.events(), 1, 110);
    ring::spawn(clients, play(peer, steps, heard));
    const auto over = [&] { return door.served && sessions_.count() == 0 && clients.count() == 0; };
    EXPECT_TRUE(world_.run_until(over, std::chrono::hours(1))) << "somebody waits for ever";
    world_.core(0).cancel(door);
    world_.run_for(std::chrono::seconds(1));
    EXPECT_FALSE(door.in_flight);
    world_.core(0).close(door.fd);
    return heard;
  }

 private:
  struct Door final : Operation {
    Door(SimEngine& owner, const Serve& how) : engine(owner), serve(how) {}
    void completed(const Completion& completion) noexcept override {
      if (completion.result >= 0) {
        ring::spawn(engine.sessions_, serve(engine.proactor(), static_cast<Descriptor>(completion.result)));
        served = true;
      }
      if (!completion.more && completion.result != -ECANCELED) engine.proactor().start(*this);
    }
    SimEngine& engine;
    const Serve& serve;
    bool served = false;
  };

  Task<void> play(sim::Peer& peer, const std::vector<PeerStep>& steps, Heard& heard) {
    for (const PeerStep& step : steps) {
      switch (step.what) {
        case PeerStep::What::say:
          peer.send(step.octets);
          break;
        case PeerStep::What::finish:
          peer.finish_sending();
          break;
        case PeerStep::What::reset:
          peer.reset();
          break;
        case PeerStep::What::hang_up:
          peer.close();
          break;
        case PeerStep::What::pause:
          co_await sim::Wait(world_.events(), step.pause);
          break;
        case PeerStep::What::hear_all:
          while (!peer.ended()) co_await peer.more(Instant::max());
          heard.octets += peer.unread();
          peer.unread().clear();
          heard.reset = peer.was_reset();
      }
    }
    peer.close();
  }

  sim::SimWorld world_;
  Gate sessions_;
  Descriptor folder_ = no_descriptor;
};

enum class EngineName : std::uint8_t { uring, simulator };

inline std::unique_ptr<Engine> make_engine(EngineName name) {
  if (name == EngineName::uring) return std::make_unique<UringEngine>();
  return std::make_unique<SimEngine>();
}

inline std::string engine_name(const ::testing::TestParamInfo<EngineName>& info) {
  return info.param == EngineName::uring ? "uring" : "simulator";
}

class OnBothEngines : public ::testing::TestWithParam<EngineName> {
 protected:
  std::unique_ptr<Engine> engine_ = make_engine(GetParam());
};

}  // namespace ringpost::ring
