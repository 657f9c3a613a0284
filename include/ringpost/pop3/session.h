// ringpost/pop3/session.h: one POP3 session from greeting to close, as one coroutine (RFC 1939, 2449, 3206, 5034).
//
// Runs on the core that accepted the connection, over either proactor. It owns its Connection and its maildrop lease;
// it returns when both are given back. A session that ends without QUIT in TRANSACTION deletes nothing (P036).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <ringpost/accounts/authenticator.h>
#include <ringpost/base/event_log.h>
#include <ringpost/config/configuration.h>
#include <ringpost/ring/connection.h>
#include <ringpost/ring/task.h>
#include <ringpost/store/maildrops.h>
#include <ringpost/tls/server_context.h>

namespace ringpost::pop3 {

struct SessionCounters {
  std::uint64_t accepted = 0, refused_full = 0, logged_in = 0, login_failures = 0, ended_by_quit = 0,
                ended_otherwise = 0;
  std::uint64_t tls_begun = 0, tls_failed = 0, login_delayed = 0, in_use = 0, refused_unseen = 0, updates_refused = 0;
  std::uint64_t commands = 0, errors = 0, retrieved = 0, topped = 0, deleted = 0, octets_in = 0, octets_out = 0;
};

class LoginDelays;  // pop3/login_delays.h
class SessionList;  // pop3/session_list.h: the core's living sessions, for `sessions`, `kick`, drain and the limits

// What a session uses; everything outlives it.
struct Services {
  ring::Proactor& proactor;
  store::Maildrops& maildrops;
  accounts::Authenticator& authenticator;
  EventLog& log;
  SessionList& sessions;
  SessionCounters& counters;
  ring::SendCounters& sends;
  LoginDelays* delays = nullptr;  // pop3/login_delays.h; without them an announced LOGIN-DELAY is not enforced
};

// `configuration` keeps `server` alive as long as the session lives (it finishes under the one it began with).
struct Accepted {
  ring::Descriptor socket = ring::no_descriptor;
  std::shared_ptr<const config::Configuration> configuration;
  const config::VirtualServer* server = nullptr;
  std::shared_ptr<const tls::ServerContext> tls;  // nullptr: the virtual server has no certificate
  bool tls_first = false;                         // POP3S: TLS from the first octet (RFC 8314)
  // How many connections the virtual server has, on all cores together: counted up by serve() at its beginning, down at
  // its end. One relaxed counter, the only thing that cores share here; it outlives the session. nullptr: this core's
  // sessions count.
  std::atomic<std::uint32_t>* connections = nullptr;
};

ring::Task<void> serve(Services&, Accepted);

}  // namespace ringpost::pop3
