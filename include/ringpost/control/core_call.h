// ringpost/control/core_call.h: work that one thread beside the cores wants done on a core, and its way back.
//
// The control thread of the daemon and the program (which runs one core of its own where no daemon does) use the same
// calls. A call runs as a task on the core, may wait there, and is then told finished() on the thread that made it.
// It owns itself from call() until after finished(). A core that has stopped runs no more calls: stop calling first.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <ringpost/accounts/authenticator.h>
#include <ringpost/pop3/session.h>
#include <ringpost/ring/core_counters.h>
#include <ringpost/ring/cores.h>
#include <ringpost/ring/task.h>
#include <ringpost/store/maildrops.h>

namespace ringpost::control {

// What runs on one core. Everything outlives every call. Null where the process has no such part (the program).
struct CoreServices {
  ring::Proactor* proactor = nullptr;
  store::Maildrops* maildrops = nullptr;
  accounts::Authenticator* authenticator = nullptr;
  pop3::SessionList* sessions = nullptr;
  const pop3::SessionCounters* session_counters = nullptr;
  const ring::SendCounters* sends = nullptr;
  const ring::CoreCounters* core_counters = nullptr;
  ring::Gate calls;  // calls under way on this core
};

class CoreCall : private ring::Message {
 public:
  virtual ~CoreCall() = default;

  // On the core.
  virtual ring::Task<void> run(CoreServices& core) = 0;
  // On the thread that made the call; the call goes when this returns.
  virtual void finished() noexcept = 0;

 private:
  friend class CoreSet;
  void delivered() noexcept override;
  ring::Task<void> run_and_return();

  CoreServices* core_ = nullptr;
  ring::Outside* back_ = nullptr;
  bool ran_ = false;
};

// The cores as one thread beside them sees them. Belongs to that thread.
class CoreSet {
 public:
  CoreSet(ring::Cores& cores, std::vector<CoreServices*> services) : cores_(cores), services_(std::move(services)) {}
  CoreSet(const CoreSet&) = delete;
  CoreSet& operator=(const CoreSet&) = delete;

  std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(services_.size()); }
  void call(ring::CoreIndex core, std::unique_ptr<CoreCall> call) noexcept;

  // To be polled for reading beside whatever else the thread waits for, and what to do then.
  int descriptor() const noexcept { return inbox_.descriptor(); }
  void deliver() noexcept { inbox_.deliver_all(); }

 private:
  ring::Cores& cores_;
  std::vector<CoreServices*> services_;
  ring::Outside inbox_;
};

// One short piece of work on every core, with nothing to wait for; `then` is told once, after the last core.
// `on_core` is called on the cores at the same time, so it touches only its own core's place.
void on_each_core(CoreSet& cores, std::function<void(ring::CoreIndex, CoreServices&)> on_core,
                  std::function<void()> then);

}  // namespace ringpost::control
