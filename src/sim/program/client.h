// src/sim/program/client.h: one POP3 client: what it means to do, does, and what it then holds to be true.
#pragma once

#include <memory>
#include <string>

#include <ringpost/ring/task.h>
#include <ringpost/sim/world.h>

#include "oracle.h"

namespace ringpost::sim {

inline constexpr std::uint16_t pop3_port = 110;
inline constexpr std::string_view password = "open sesame";

struct ClientPlan {
  enum class End : std::uint8_t { quit, quit_and_half_close, quit_and_reset, quit_and_vanish, close, reset, vanish };

  std::string account;
  std::uint32_t host = 1;
  bool pipelined = false;
  double fetches = 0;  // share of the letters; those that it cannot name are always fetched
  double tops = 0;
  double deletes = 0;
  bool deletes_all = false;
  bool resets_marks = false;  // RSET, then marks others
  bool reads_late = false;    // sends everything, reads afterwards
  bool never_reads = false;   // asks for and marks everything, says QUIT, and dies without having read
  bool honest = false;        // alone with its account, in a world where nothing may be refused
  End end = End::quit;
};

struct ClientFigures {
  std::uint64_t sessions = 0, logins = 0, refused = 0, in_use = 0, fetched = 0, deleted = 0, cut_off = 0;
};

// Returns when the client has ended its connection and the server has given up its end, or never will.
ring::Task<void> play_client(SimWorld& world, Oracle& oracle, ClientPlan plan, ClientFigures& figures);

}  // namespace ringpost::sim
