// program/local_store.h: the store in this process, on the files, where no daemon runs.
//
// It owns the data folder as a daemon would (M19), and one core on a thread of its own. As root, that thread and its
// pools have the file-system identity of the data folder's owner, so that files are born right; the thread that made
// the store keeps its own, and can read what is imported from anywhere. Blocking; one thread uses it.
#pragma once

#include <expected>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <ringpost/config/configuration.h>
#include <ringpost/control/core_call.h>
#include <ringpost/control/identity.h>

namespace ringpost::program {

class LocalStore {
 public:
  // Error: a sentence; most often that somebody else owns the data folder.
  static std::expected<std::unique_ptr<LocalStore>, std::string> open(std::shared_ptr<const config::Configuration>);
  // Waits until the store has come to rest.
  ~LocalStore();
  LocalStore(const LocalStore&) = delete;
  LocalStore& operator=(const LocalStore&) = delete;

  control::CoreSet& cores() noexcept { return *cores_; }
  // Waits until a call has come back, and finishes it.
  void wait();

 private:
  struct Core;
  LocalStore(std::shared_ptr<const config::Configuration> configuration, int data)
      : configuration_(std::move(configuration)), data_(data) {}
  void run(const control::Identity& identity, std::promise<std::string>& started);
  void stop();

  std::shared_ptr<const config::Configuration> configuration_;
  int data_;
  std::unique_ptr<ring::Cores> ring_cores_;
  Core* core_ = nullptr;  // lives on the thread
  std::unique_ptr<control::CoreSet> cores_;
  std::thread thread_;
};

}  // namespace ringpost::program
