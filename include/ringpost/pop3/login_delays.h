// ringpost/pop3/login_delays.h: who polled a moment ago and had nothing to do (A8, X021).
//
// The rule: a login is too soon if less than the server's login_delay has passed since the last login to that account
// whose session ended by QUIT and had fetched nothing (RETR, TOP) and deleted nothing. So the announced delay meets
// those who poll too often, and never a client that is downloading in several sessions, was cut off, or is tidying up.
// Soft in its memory too: a fixed table, where a newcomer may push another account out, which then waits for nothing.
// Threads: one a core; an account's row lies on the core hash(account) mod cores, asked by message. All live until the
// last question is answered.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <ringpost/ring/proactor.h>

namespace ringpost::pop3 {

class LoginDelays {
 public:
  // `peers` has those of all cores, by core, complete before the first question.
  LoginDelays(ring::Proactor& proactor, std::span<LoginDelays* const> peers) : proactor_(proactor), peers_(peers) {}

  class Question final : public ring::Message {
   public:
    bool await_ready() noexcept;
    void await_suspend(std::coroutine_handle<> waiter) noexcept;
    bool await_resume() const noexcept { return answer_; }
    void delivered() noexcept override;

   private:
    friend class LoginDelays;
    Question(LoginDelays& here, std::string_view account, Instant login, Duration delay, bool note) noexcept;

    LoginDelays& here_;
    LoginDelays& there_;
    std::uint64_t account_;
    Instant login_;
    Duration delay_;
    bool note_;
    bool answered_ = false;
    bool answer_ = false;
    std::coroutine_handle<> waiter_;
  };

  // co_await: is a login at this time too soon?
  Question too_soon(std::string_view account, Instant login, Duration delay) noexcept {
    return {*this, account, login, delay, false};
  }
  // co_await: the session of that login had nothing to do.
  Question had_nothing_to_do(std::string_view account, Instant login) noexcept {
    return {*this, account, login, {}, true};
  }

 private:
  struct Row {
    std::uint64_t account = 0;
    Instant login{};
  };
  static constexpr std::size_t rows = 8192;

  bool answer(const Question&);

  ring::Proactor& proactor_;
  std::span<LoginDelays* const> peers_;
  std::unique_ptr<Row[]> rows_;  // from the first poll on
};

}  // namespace ringpost::pop3
