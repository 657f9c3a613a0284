// src/sim/program/dialogue.h: POP3 as a client speaks it, octet by octet over a simulated connection.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/ring/task.h>
#include <ringpost/sim/peer.h>

namespace ringpost::sim {

struct Answer {
  enum class Kind : std::uint8_t { ok, error, none, garbled };  // none: the connection ended; or no answer in time
  Kind kind = Kind::none;
  bool timed_out = false;
  std::string line;  // without CRLF
  std::string text;  // of a multi-line answer: stuffed as it came, without the terminator
  bool ok() const noexcept { return kind == Kind::ok; }
};

class Dialogue {
 public:
  Dialogue(Peer& peer, Events& events) : peer_(peer), events_(events) {}

  void say(std::string_view command) { peer_.send(std::string(command) + "\r\n"); }
  ring::Task<Answer> answer(bool multi_line);

 private:
  ring::Task<bool> until(std::string_view end, std::size_t from, std::size_t& at);

  Peer& peer_;
  Events& events_;
  bool timed_out_ = false;
};

// "2 120" and "2 whqtswO00WBw418f9t5JxYwZ", a line each.
struct NumberedLine {
  std::uint32_t number = 0;
  std::string value;
};
std::optional<std::vector<NumberedLine>> numbered_lines(std::string_view text);

}  // namespace ringpost::sim
