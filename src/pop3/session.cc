#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <fmt/format.h>
#include <netinet/in.h>

#include <ringpost/base/mutant.h>

#include "live_session.h"

namespace ringpost::pop3 {
namespace {

constexpr Duration close_wait_max = std::chrono::seconds(5);
constexpr Duration handshake_max = std::chrono::seconds(30);

ring::ConnectionLimits limits_of(const config::VirtualServer& server) {
  ring::ConnectionLimits limits;
  limits.unread_max = std::max<std::uint32_t>(server.pipelined_octets_max, command_octets_max);
  return limits;
}

struct Client {
  std::string address;
  std::uint16_t port = 0;
};

// An IPv4 client of a double-stack socket is shown as what it is.
Client client_of(ring::Proactor& proactor, ring::Descriptor socket) {
  sockaddr_storage address{};
  Client client{"unknown", 0};
  if (proactor.peek_address(socket, true, address) != 0) return client;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    if (inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size())) client.address = text.data();
    client.port = ntohs(v4.sin_port);
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
    const void* const octets = mapped ? &v6.sin6_addr.s6_addr[12] : &v6.sin6_addr.s6_addr[0];
    if (inet_ntop(mapped ? AF_INET : AF_INET6, octets, text.data(), text.size())) client.address = text.data();
    client.port = ntohs(v6.sin6_port);
  }
  return client;
}

}  // namespace

LiveSession::LiveSession(Services& services, Accepted&& accepted)
    : services_(services),
      accepted_(std::move(accepted)),
      connection_(services.proactor, accepted_.socket, limits_of(*accepted_.server), services.sends),
      begun_(services.proactor.now()),
      login_deadline_(begun_ + accepted_.server->login_timeout),
      last_command_(begun_) {
  Client client = client_of(services.proactor, accepted_.socket);
  client_address_ = std::move(client.address);
  client_port_ = client.port;
  services_.sessions.enter(*this);
  ++services_.counters.accepted;
}

LiveSession::~LiveSession() {
  services_.sessions.leave(*this);
  if (counted_) accepted_.connections->fetch_sub(1, std::memory_order_relaxed);
}

// S005, R047: only the surplus is refused, and the count falls however a session ends.
bool LiveSession::admit() {
  std::uint32_t others = services_.sessions.count() - 1;
  if (accepted_.connections) {
    others = accepted_.connections->fetch_add(1, std::memory_order_relaxed);
    counted_ = true;
  }
  if (others >= server().max_connections) {
    ++services_.counters.refused_full;
    if (!waits_for_tls()) answer("-ERR [SYS/TEMP] too many connections, try again later\r\n");
    end_ = "too many connections";
    return false;
  }
  return true;
}

void LiveSession::greet() {
  ReplyWriter out(connection_.prepare(reply_octets_max));
  write_greeting(out, server().banner);
  connection_.commit(out.size());
}

// All that was known of the client is forgotten, and a half line too: what came in clear counts for nothing (RFC 2595
// section 4). A handshake has the rest of the time for a login, or less.
ring::Task<bool> LiveSession::begin_tls() {
  forget_credentials();
  reader_.wipe();
  reader_ = CommandReader();
  auto layer = accepted_.tls->accept();
  if (!layer) {
    end_ = "no memory for TLS";
    co_return false;
  }
  const Instant deadline = std::min(login_deadline_, now() + handshake_max);
  const auto ending = co_await connection_.begin_tls(std::move(layer), deadline, tls::handshake_octets_max);
  ++(ending == ring::Ending::none ? services_.counters.tls_begun : services_.counters.tls_failed);
  co_return !ended_by(ending, "TLS handshake time-out");
}

Next LiveSession::answer(std::string_view text) {
  connection_.put(text);
  return Next::go_on;
}

Next LiveSession::mistake(std::string_view text) {
  ++services_.counters.errors;
  if (++mistakes_ < server().errors_max) return answer(text);
  answer("-ERR too many mistakes, good-bye\r\n");
  end_ = "too many mistakes";
  return Next::close;
}

bool LiveSession::doomed() {
  return connection_.doom_reason() != ring::DoomReason::none && ended_by(ring::Ending::doomed, "");
}

bool LiveSession::ended_by(ring::Ending ending, const char* when_timed_out) {
  // Gone before it could have heard the answer to its credentials (R024).
  const bool abandoned = (phase_ == Phase::transaction && !heard_since_login_) || failures_ > 0;
  switch (ending) {
    case ring::Ending::none:
      return false;
    case ring::Ending::peer_finished:
      end_ = abandoned ? "login abandoned" : "closed by client";
      break;
    case ring::Ending::peer_reset:
      end_ = abandoned ? "login abandoned" : "reset by client";
      reset_ = true;
      break;
    case ring::Ending::timed_out:
      end_ = when_timed_out;
      break;
    case ring::Ending::tls_failed:
      end_ = "TLS failed";
      break;
    case ring::Ending::doomed:
      switch (connection_.doom_reason()) {
        case ring::DoomReason::kicked:
          end_ = "kicked";
          break;
        case ring::DoomReason::shutdown:
          end_ = "shutdown";
          break;
        case ring::DoomReason::taken_over:
          end_ = "taken over";
          break;
        default:
          end_ = "overload";
          break;
      }
      break;
  }
  ending_ = true;
  return true;
}

bool LiveSession::output_ended_by(ring::Ending ending) {
  if (ending == ring::Ending::peer_reset && connection_.room() >= capabilities_octets_max) return false;
  return ended_by(ending, "client takes nothing");
}

// Hears one line of what is there. The line lies in the connection's buffer until it is consumed, and a credential is
// overwritten there first.
Next LiveSession::take_line() {
  const Octets slice = connection_.unread();
  if (slice.empty()) return Next::wait;
  const CommandReader::Step step = reader_.feed(slice);
  Next next = Next::wait;
  if (step.got == CommandReader::Got::line) {
    next = expects_response_ ? hear_response(step.line) : hear(step.line);
  } else if (step.got == CommandReader::Got::too_long) {
    credential_in_line_ = true;  // for all we know
    expects_response_ = false;
    forget_credentials();
    next = mistake("-ERR the line is too long\r\n");
  }
  if (credential_in_line_) {
    const Octets taken = slice.first(step.consumed);
    accounts::wipe({const_cast<std::byte*>(taken.data()), taken.size()});
    reader_.wipe();
    credential_in_line_ = false;
  }
  connection_.consume(step.consumed);
  return next;
}

Next LiveSession::hear(std::string_view line) {
  ++commands_;
  ++services_.counters.commands;
  last_command_ = now();
  const Command command = parse_command(line);
  if (command.verb == Verb::pass || command.verb == Verb::auth) credential_in_line_ = true;
  if (phase_ == Phase::authorization) {
    if (commands_ > server().commands_before_login_max) {
      answer("-ERR too many commands without a login, good-bye\r\n");
      end_ = "too many commands before login";
      return Next::close;
    }
    if (command.verb != Verb::pass) forget_credentials();  // P047
  } else {
    heard_since_login_ = true;
  }
  const VerbRow& row = row_of(command.verb);
  if (command.verb == Verb::unknown) return mistake("-ERR unknown command\r\n");
  if ((row.phases & bit_of(phase_)) == 0)
    return mistake(phase_ == Phase::authorization ? "-ERR log in first\r\n" : "-ERR already logged in\r\n");
  if (const char* fault = row.fault(command)) return mistake(fault);
  return (this->*row.act)(command);
}

Next LiveSession::capa(const Command&) {
  ReplyWriter out(connection_.prepare(capabilities_octets_max));
  write_capabilities(out, server(), secure(), phase_ == Phase::transaction);
  connection_.commit(out.size());
  return Next::go_on;
}

Next LiveSession::stls(const Command&) {
  if (!offers_stls(server(), secure(), false))
    return mistake(secure() ? "-ERR TLS is on already\r\n" : "-ERR there is no TLS here\r\n");
  answer("+OK begin TLS now\r\n");
  return Next::begin_tls;
}

Next LiveSession::quit(const Command&) {
  return Next::quit;
}

Instant LiveSession::last_heard() const noexcept {
  return std::max(last_command_, connection_.last_heard());
}

std::uint64_t LiveSession::octets_queued() const noexcept {
  const std::int64_t octets = services_.proactor.peek_unacknowledged(connection_.socket());
  return octets > 0 ? static_cast<std::uint64_t>(octets) : 0;
}

Duration LiveSession::silent_for() const noexcept {
  return now() - last_heard();
}

SessionFacts LiveSession::facts() const {
  SessionFacts facts;
  facts.id = id();
  facts.phase = phase_;
  facts.account = account_;
  facts.client = fmt::format("{}:{}", client_address_, client_port_);
  facts.server = server().name;
  facts.age = now() - begun_;
  facts.silent = silent_for();
  facts.retrieved = retrieved_;
  facts.marked = marked_count_;
  facts.octets_in = connection_.octets_received();
  facts.octets_out = connection_.octets_sent();
  return facts;
}

ring::Task<void> LiveSession::give_back() {
  ending_ = true;
  forget_credentials();
  release_view();
  if (lease_.held()) {
    if (RINGPOST_MUTANT(lock_not_freed_on_drop)) {
      new store::Lease(std::move(lease_));
    } else {
      auto closed = co_await services_.maildrops.close(std::move(lease_), {});
      (void)closed;  // nothing was to be deleted: whatever went wrong, the lock is free
    }
  }
  if (account_entered_) {
    services_.sessions.leave_account(account_);
    account_entered_ = false;
  }
}

ring::Task<void> LiveSession::close() {
  services_.counters.octets_in += connection_.octets_received();
  co_await connection_.close(!reset_, close_wait_max);
  services_.counters.octets_out += connection_.octets_sent();
}

// CONTRACT "Logs and figures": one line ends each session. The client's address stands before any foreign text (R050).
void LiveSession::log_ending() noexcept {
  const ring::SecureLayer* const security = connection_.security();
  const std::string tls = security && !security->version().empty()
                              ? fmt::format("{}/{}", security->version(), security->cipher())
                              : std::string("none");
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now() - begun_).count();
  services_.log.write(LogLevel::info, "session",
                      {{"client", client_address_},
                       {"port", static_cast<unsigned>(client_port_)},
                       {"server", server().name},
                       {"tls", tls},
                       {"account", account_},
                       {"commands", commands_},
                       {"retrieved", retrieved_},
                       {"topped", topped_},
                       {"deleted", deleted_},
                       {"in", connection_.octets_received()},
                       {"out", connection_.octets_sent()},
                       {"ms", milliseconds},
                       {"end", end_}});
}

ring::Task<void> serve(Services& services, Accepted accepted) {
  LiveSession session(services, std::move(accepted));
  if (session.admit()) {
    bool ready = true;
    if (session.waits_for_tls()) ready = co_await session.begin_tls();
    bool entered = false;
    if (ready) session.greet();
    if (ready) entered = co_await session.authorization();
    if (entered) co_await session.transaction();
  }
  co_await session.give_back();
  co_await session.close();
  session.log_ending();
}

}  // namespace ringpost::pop3
