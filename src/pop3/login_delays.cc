#include <functional>

#include <ringpost/pop3/login_delays.h>

namespace ringpost::pop3 {
namespace {

// 0 marks an empty row.
std::uint64_t number_of(std::string_view account) noexcept {
  return std::uint64_t{std::hash<std::string_view>{}(account)} | 1;
}

}  // namespace

LoginDelays::Question::Question(LoginDelays& here, std::string_view account, Instant login, Duration delay,
                                bool note) noexcept
    : here_(here),
      there_(*here.peers_[(number_of(account) >> 8) % here.peers_.size()]),
      account_(number_of(account)),
      login_(login),
      delay_(delay),
      note_(note) {}

bool LoginDelays::Question::await_ready() noexcept {
  if (&here_ != &there_) return false;
  answer_ = there_.answer(*this);
  return true;
}

void LoginDelays::Question::await_suspend(std::coroutine_handle<> waiter) noexcept {
  waiter_ = waiter;
  here_.proactor_.post(there_.proactor_.core(), *this);
}

// First there, then back here.
void LoginDelays::Question::delivered() noexcept {
  if (answered_) return waiter_.resume();
  answer_ = there_.answer(*this);
  answered_ = true;
  there_.proactor_.post(here_.proactor_.core(), *this);
}

bool LoginDelays::answer(const Question& question) {
  if (!rows_) {
    if (!question.note_) return false;
    rows_ = std::make_unique<Row[]>(rows);
  }
  Row& row = rows_[(question.account_ >> 20) % rows];
  if (question.note_) {
    row = {question.account_, question.login_};
    return false;
  }
  return row.account == question.account_ && question.login_ - row.login < question.delay_;
}

}  // namespace ringpost::pop3
