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

namespace ringpost::pop3 {

// Events as "name key=value key=value" lines.
class KeptLog final : public EventLog {
 public:
  void write(LogLevel, std::string_view event, std::initializer_list<LogField>) noexcept override;
  std::vector<std::string> lines() const;
  // Waits up to five seconds for a line that begins with `event` and holds `part`.
  bool has(std::string_view event, std::string_view part) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

struct HouseSettings {
  config::Configuration configuration;
  std::string accounts = "anna:{PLAIN}secret\nberta:{PLAIN}pass word \ncarl:{PLAIN}p\xc3\xa4ss\nempty:{PLAIN}x\n";
  HouseSettings();
  config::VirtualServer& server() { return configuration.virtual_servers.front(); }
};

class House {
 public:
  explicit House(HouseSettings settings = {});
  ~House();

  // A session is served at one end; this is the other one, for a Client.
  ring::Descriptor connect();
  // Durably there when it returns; `raw` in any line ends.
  void deliver(const std::string& account, std::string_view raw);

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
class Client {
 public:
  explicit Client(ring::Descriptor socket);
  explicit Client(House& house) : Client(house.connect()) {}
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view octets);
  void say(std::string_view line) { send(std::string(line) + "\r\n"); }
  std::string line();  // without its CRLF; "<end>" at the end, "<reset>", "<silence>"
  std::string ask(std::string_view command) {
    say(command);
    return line();
  }
  std::string octets(std::size_t count);
  // The rest of a multi-line answer, its lines as they came, with the terminator.
  std::string listing();
  bool at_end();  // waits for FIN or reset
  void finish();  // FIN
  void reset();   // RST
  std::string login(std::string_view name = "anna", std::string_view password = "secret");
  ring::Descriptor socket() const { return socket_; }

 private:
  int fill();
  ring::Descriptor socket_;
  std::string have_;
};

}  // namespace ringpost::pop3
