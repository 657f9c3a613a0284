// tests/pop3/stage.h: where a dialogue is played: a server with some mail, and clients that talk with it line by line.
//
// Two engines: House (the real ring, real sockets) and SimHouse (the simulator, virtual time). Both must agree.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/base/event_log.h>
#include <ringpost/config/configuration.h>

namespace ringpost::pop3 {

// Events as "name key=value key=value" lines.
class KeptLog final : public EventLog {
 public:
  void write(LogLevel, std::string_view event, std::initializer_list<LogField>) noexcept override;
  std::vector<std::string> lines() const;
  bool has_now(std::string_view event, std::string_view part) const;
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

class Talker {
 public:
  virtual ~Talker() = default;
  virtual void send(std::string_view octets) = 0;
  virtual std::string line() = 0;  // without its CRLF; "<end>", "<reset>", "<silence>"
  virtual void finish() = 0;       // FIN
  virtual void reset() = 0;        // RST

  void say(std::string_view line) { send(std::string(line) + "\r\n"); }
  std::string ask(std::string_view command) {
    say(command);
    return line();
  }
  std::string login(std::string_view name = "anna", std::string_view password = "secret") {
    line();
    ask("USER " + std::string(name));
    return ask("PASS " + std::string(password));
  }
};

class Stage {
 public:
  virtual ~Stage() = default;
  virtual std::unique_ptr<Talker> enter() = 0;
  // Durably there when it returns; `raw` in any line ends.
  virtual void deliver(const std::string& account, std::string_view raw) = 0;
  virtual bool logged(std::string_view event, std::string_view part) = 0;
};

}  // namespace ringpost::pop3
