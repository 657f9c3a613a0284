// tests/pop3/house.h: a whole server on one core of the real kernel, and clients at the other end of real sockets.
//
// The core runs on a thread of its own; what the test wants done there travels as a message. Everything ends with the
// house: sessions are told to, and its destructor waits until nothing is held, lent or in flight.
#pragma once

#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

#include <ringpost/accounts/account_file.h>
#include <ringpost/pop3/login_delays.h>
#include <ringpost/pop3/session.h>
#include <ringpost/pop3/session_list.h>
#include <ringpost/store/maildrops.h>

#include "../ring/one_core.h"
#include "stage.h"

namespace ringpost::pop3 {

class House final : public Stage {
 public:
  explicit House(HouseSettings settings = {});
  ~House() override;
  std::unique_ptr<Talker> enter() override;
  bool logged(std::string_view event, std::string_view part) override { return log_.has(event, part); }

  // A session is served at one end; this is the other one, for a Client.
  ring::Descriptor connect();
  void deliver(const std::string& account, std::string_view raw) override;

  // Runs on the core, between completions; returns when it has run.
  void on_core(std::function<void()>);
  void run_task(std::function<ring::Task<void>()>);

  KeptLog& log() { return log_; }
  const SessionCounters& counters() const { return counters_; }
  SessionList& sessions() { return sessions_; }
  store::Maildrops& maildrops() { return *maildrops_; }
  ring::SendCounters& sends() { return sends_; }
  ring::Proactor& proactor() { return proactor_; }
  const std::string& data() const { return data_.path(); }
  std::uint32_t living();  // sessions
  bool all_ended();        // waits up to five seconds

 private:
  ring::TemporaryFolder data_;
  std::shared_ptr<const config::Configuration> configuration_;
  ring::Cores cores_{1};
  ring::WorkerPool credentials_{"credentials", 1, 64};
  ring::WorkerPool files_{"files", 2, 64};
  ring::UringProactor proactor_;
  KeptLog log_;
  std::unique_ptr<store::Maildrops> maildrops_;
  store::Maildrops* peers_[1] = {};
  std::unique_ptr<accounts::Authenticator> authenticator_;
  SessionList sessions_{ring::CoreIndex{0}};
  LoginDelays* delay_peers_[1] = {};
  LoginDelays delays_{proactor_, delay_peers_};
  SessionCounters counters_;
  ring::SendCounters sends_;
  std::unique_ptr<Services> services_;
  ring::Gate gate_;
  std::thread thread_;
};

// A blocking client: every wait ends after ten seconds with a failure.
class Client final : public Talker {
 public:
  explicit Client(ring::Descriptor socket);
  explicit Client(House& house) : Client(house.connect()) {}
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view octets) override;
  std::string line() override;
  std::string octets(std::size_t count);
  // The rest of a multi-line answer, its lines as they came, with the terminator.
  std::string listing();
  bool at_end();  // waits for FIN or reset
  void finish() override;
  void reset() override;
  ring::Descriptor socket() const { return socket_; }

 private:
  int fill();
  ring::Descriptor socket_;
  std::string have_;
};

}  // namespace ringpost::pop3
