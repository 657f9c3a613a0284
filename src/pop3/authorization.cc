#include <algorithm>

#include <ringpost/accounts/account_name.h>
#include <ringpost/accounts/plain.h>
#include <ringpost/pop3/login_delays.h>

#include "live_session.h"

namespace ringpost::pop3 {
namespace {

constexpr const char* tls_first = "-ERR this server takes no password before TLS is on: STLS first\r\n";
constexpr const char* not_offered = "-ERR this way to log in is not offered here\r\n";

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x >= 'a' && x <= 'z' ? x - 32 : x) == y; });
}

}  // namespace

ring::Task<bool> LiveSession::authorization() {
  while (true) {
    if (doomed()) co_return false;
    if (connection_.room() < capabilities_octets_max) {
      const auto ending = co_await connection_.flushed(server().send_timeout);
      if (output_ended_by(ending)) co_return false;
    }
    Next next = take_line();
    if (next == Next::wait) {
      const auto ending = co_await connection_.more(login_deadline_);
      if (ended_by(ending, "login time-out")) co_return false;
      continue;
    }
    if (next == Next::begin_tls) {
      const bool begun = co_await begin_tls();
      if (!begun) co_return false;
      continue;
    }
    if (next == Next::log_in) next = co_await log_in();
    if (phase_ == Phase::transaction) co_return true;
    if (next == Next::quit) {
      answer("+OK good-bye\r\n");
      end_ = "quit";
      co_return false;
    }
    if (next == Next::close) co_return false;
  }
}

void LiveSession::forget_credentials() noexcept {
  asked_.reset();
}

// B4, S002, S004: the credential was not looked at, so this is no [AUTH]; it is wiped where it lies.
Next LiveSession::refuse_unseen() {
  ++services_.counters.refused_unseen;
  return mistake(server().require_tls != config::RequireTls::never ? tls_first : not_offered);
}

Next LiveSession::user(const Command& command) {
  if (!offers(server(), config::Mechanism::user, secure())) return refuse_unseen();
  asked_ = std::make_unique<Asked>();
  asked_->name = command.argument;
  asked_->user_given = true;
  return answer("+OK now the password\r\n");  // whether anybody bears the name or not (P046)
}

Next LiveSession::pass(const Command& command) {
  if (!offers(server(), config::Mechanism::user, secure())) return refuse_unseen();
  if (!asked_ || !asked_->user_given) return mistake("-ERR USER comes first\r\n");
  asked_->user_given = false;
  asked_->password = accounts::Secret(command.argument);
  return Next::log_in;
}

// RFC 5034: AUTH mechanism [initial-response]. Without an argument old Microsoft clients ask for the list (A026).
Next LiveSession::auth(const Command& command) {
  if (is_blank(command.argument)) {
    ReplyWriter out(connection_.prepare(reply_octets_max));
    write_mechanisms(out, server(), secure());
    connection_.commit(out.size());
    return Next::go_on;
  }
  const std::size_t blank = command.argument.find(' ');
  const std::string_view mechanism = command.argument.substr(0, blank);
  if (!same_word(mechanism, "PLAIN")) return mistake("-ERR unknown mechanism\r\n");  // A003
  if (!offers(server(), config::Mechanism::plain, secure())) return refuse_unseen();
  if (blank == std::string_view::npos || is_blank(command.argument.substr(blank))) {
    expects_response_ = true;
    reader_.expect_long();
    return answer("+ \r\n");  // A005
  }
  const std::string_view response = command.argument.substr(blank + 1);
  return try_plain(response == "=" ? std::string_view() : response);  // A006
}

Next LiveSession::hear_response(std::string_view line) {
  expects_response_ = false;
  credential_in_line_ = true;
  last_command_ = now();
  if (line == "*") return answer("-ERR cancelled\r\n");  // A009
  return try_plain(line);
}

// Whatever is wrong with it, the state is as if AUTH had not been given (A011).
Next LiveSession::try_plain(std::string_view base64) {
  auto credentials = accounts::decode_plain(base64);
  if (!credentials) return mistake("-ERR that is no PLAIN response in base64\r\n");
  const bool fold = accepted_.configuration->accounts.fold_case;
  const bool for_another =
      !credentials->authorization.empty() && accounts::canonical_name(credentials->authorization, fold) !=
                                                 accounts::canonical_name(credentials->authentication, fold);
  asked_ = std::make_unique<Asked>();
  asked_->name = std::move(credentials->authentication);
  // Nobody has a right to another's maildrop (A018). An empty password is refused like a wrong one, at the same time.
  if (!for_another) asked_->password = std::move(credentials->password);
  return Next::log_in;
}

ring::Task<Next> LiveSession::log_in() {
  const std::unique_ptr<Asked> asked = std::move(asked_);
  const Instant asked_at = now();
  auto login = co_await services_.authenticator.verify(asked->name, std::move(asked->password), failures_);
  login_deadline_ += now() - asked_at;  // our time, not the client's
  if (login.verdict != accounts::Verdict::granted) co_return login_refused(login.verdict, asked->name);
  account_ = std::move(login.account);
  if (doomed()) co_return Next::close;
  login_ = now();
  if (services_.delays && server().login_delay.count() > 0) {
    auto question = services_.delays->too_soon(account_, login_, server().login_delay);
    const bool too_soon = co_await question;
    if (too_soon) {
      ++services_.counters.login_delayed;
      account_.clear();
      co_return answer("-ERR [LOGIN-DELAY] nothing to do here a moment ago, come back later\r\n");
    }
  }
  if (!services_.sessions.enter_account(account_, server().max_connections_per_account))
    co_return login_without_maildrop(store::StoreError::in_use);
  account_entered_ = true;
  auto lease = co_await services_.maildrops.open(account_, *this);
  if (!lease) co_return login_without_maildrop(lease.error());
  lease_ = std::move(*lease);
  phase_ = Phase::transaction;
  ++services_.counters.logged_in;
  ReplyWriter out(connection_.prepare(reply_octets_max));
  out.text("+OK ").number(snapshot().count()).text(" messages (").number(snapshot().octets_in_all());
  out.text(" octets)\r\n");
  connection_.commit(out.size());
  co_return Next::go_on;
}

// E003, E005, E007: what a backend cannot say is no failure of the client's and counts towards no limit.
Next LiveSession::login_refused(accounts::Verdict verdict, std::string_view name) {
  if (verdict == accounts::Verdict::temporary)
    return answer("-ERR [SYS/TEMP] logins cannot be checked now, try again later\r\n");
  ++failures_;
  ++services_.counters.login_failures;
  services_.log.write(LogLevel::warning, "login_failed",
                      {{"client", client_address_}, {"server", server().name}, {"account", name.substr(0, 128)}});
  answer("-ERR [AUTH] wrong name or password\r\n");
  if (failures_ < server().failed_logins_max) return Next::go_on;  // P020
  end_ = "too many failed logins";
  return Next::close;
}

// The password was right. Without the lock there is no "+OK", and nothing is held when this is answered (P018, P019).
Next LiveSession::login_without_maildrop(store::StoreError error) {
  if (account_entered_) services_.sessions.leave_account(account_);
  account_entered_ = false;
  if (error == store::StoreError::in_use) ++services_.counters.in_use;
  services_.log.write(
      LogLevel::info, "login_without_maildrop",
      {{"client", client_address_}, {"server", server().name}, {"account", account_}, {"why", store::text_of(error)}});
  account_.clear();
  return refuse(error);
}

Next LiveSession::refuse(store::StoreError error) {
  switch (error) {
    case store::StoreError::in_use:
      return answer("-ERR [IN-USE] another session has this maildrop open\r\n");  // X029
    case store::StoreError::damaged:
    case store::StoreError::name_refused:
    case store::StoreError::not_found:
      return answer("-ERR [SYS/PERM] this maildrop needs the administrator\r\n");  // E006
    case store::StoreError::no_such_message:
      return answer("-ERR [SYS/PERM] this message is gone\r\n");
    default:
      return answer("-ERR [SYS/TEMP] the maildrop cannot be read now, try again later\r\n");  // E005
  }
}

}  // namespace ringpost::pop3
