// ringpost/control/appliance.h: what the control socket asks of the process that it stands in.
//
// Implemented by the daemon's child; called on the control thread. Answers come later, on the same thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ringpost/config/configuration.h>
#include <ringpost/control/log_sink.h>
#include <ringpost/ring/worker_pool.h>

namespace ringpost::control {

class Appliance {
 public:
  virtual ~Appliance() = default;

  struct Reloaded {
    std::string refusal;               // empty: it counts now
    std::vector<std::string> remarks;  // what counts only after a restart
  };
  virtual void reload(std::function<void(const Reloaded&)> then) = 0;
  // Reads the accounts file again.
  virtual void reload_accounts(std::function<void(const Reloaded&)> then) = 0;

  virtual const config::Configuration& configuration() const = 0;
  virtual LogCounters log_counters() const = 0;
  struct PoolCounters {
    ring::WorkerPool::Counters credentials, files;
  };
  virtual PoolCounters pool_counters() const = 0;
  virtual int data_dir() const = 0;  // the data folder's descriptor
  virtual double seconds_running() const = 0;
};

}  // namespace ringpost::control
