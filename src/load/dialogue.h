// load/dialogue.h: one POP3 session as the client sees it: which command comes next, and is the answer right.
//
// Octets in, octets out, no I/O; the caller tells the time. One object serves one session after another.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/base/octets.h>
#include <ringpost/base/time.h>

#include "accounts.h"
#include "plan.h"
#include "reply_reader.h"
#include "tally.h"

namespace ringpost::load {

class Dialogue {
 public:
  enum class State { going, holding, ended, failed };

  // `plan` and `tally` outlive the dialogue.
  Dialogue(const Plan& plan, Tally& tally) : plan_(plan), tally_(tally) {}

  // A session of `account` (outlives it), the `turn`th of it (which messages it fetches goes round with that number).
  // `due`: when it should have begun; the greeting and the session are timed from there.
  void begin(const Account& account, std::uint64_t turn, bool download, Instant due);

  // What the server sent. Commands to be sent now are in output() afterwards.
  State feed(Octets octets, Instant now);

  // From State::holding (Scenario::idle): the session ends with QUIT.
  void leave(Instant now);

  // To be sent; the caller takes it away.
  std::string& output() noexcept { return output_; }
  State state() const noexcept { return state_; }
  bool is_logged_in() const noexcept { return logged_in_; }
  // The command whose answer is awaited, for words about a failure.
  std::string_view awaited() const noexcept;
  // Why State::failed; already in the tally.
  const std::string& words() const noexcept { return words_; }

 private:
  struct Awaited {
    Step step;
    std::uint32_t message;
    Instant asked;
  };

  void ask(Step step, std::string_view line, Instant now, std::uint32_t message = 0);
  void next(Step answered, Instant now);
  void list_or_fetch(Step answered, Instant now);
  void fetch_or_quit(Instant now);
  void choose_messages();
  void begin_reading();
  bool check(const Awaited& answered);
  bool check_stat();
  bool check_uidl();
  bool check_list();
  bool check_message(const Awaited& answered);
  State fail(Failure kind, std::string words);
  bool mismatch(std::string words);

  const Plan& plan_;
  Tally& tally_;
  ReplyReader reader_;
  State state_ = State::ended;
  const Account* account_ = nullptr;
  std::uint64_t turn_ = 0;
  bool download_ = false;
  bool logged_in_ = false;
  Instant due_{};
  std::string output_;
  std::deque<Awaited> awaited_;
  std::uint64_t count_ = 0, octets_ = 0;  // what STAT said
  std::vector<std::uint64_t> sizes_;      // what LIST said
  std::vector<std::uint32_t> to_fetch_;   // the last one first
  std::string words_;
};

}  // namespace ringpost::load
