// src/sim/program/oracle.h: what the outside was promised, and whether what it sees agrees (DESIGN 3).
//
//   delivered   An acknowledged delivery is shown exactly once to every later login, until an acknowledged deletion.
//   deleted     An acknowledged deletion stays.
//   refused     What was refused is not there. Only the process's end before the next acknowledged change of that
//               maildrop puts it in doubt, and what was never answered is in doubt from the death or the lost
//               connection on.
//   in doubt    Either way is right, but the first login that looks decides for ever.
//   named       A UIDL ever shown never names another message.
//   equal       Sizes, numbers, UIDLs and octets of a snapshot agree with each other and with what was delivered.
//
// It knows clients' questions and answers only, nothing of the store. Lives as long as the world.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/store/maildrops.h>

namespace ringpost::sim {

struct Letter {
  enum class Delivery : std::uint8_t { asked, acknowledged, refused, in_doubt, absent };
  enum class Deletion : std::uint8_t { none, asked, refused, in_doubt, done };

  std::uint64_t number = 0;
  std::string account;
  std::string wire;  // as RETR gives it, without status line and terminator
  std::uint64_t octets = 0;
  std::uint32_t header_octets = 0;
  store::SourceId source;
  std::string uidl;  // once known

  Delivery delivery = Delivery::asked;
  std::uint64_t asked_at = 0;
  std::uint64_t answered_at = 0;       // 0: its delivery was not acknowledged to whom brought it
  std::uint64_t delivery_changed = 0;  // moments
  Deletion deletion = Deletion::none;
  std::uint64_t deletion_changed = 0;
  std::uint64_t deletion_asker = 0;  // the session that asked last, by the moment of its QUIT
  bool seen_since_deletion_asked = false;
  bool imported_again = false;  // its second import is under way
  bool may_be_new = false;      // to that import: the first one was in doubt
  bool refused_again = false;   // that import was refused: until the process's end a login decides nothing
};

struct ListedLetter {
  std::uint64_t octets = 0;
  std::string uidl;
  Letter* letter = nullptr;  // nullptr: could not be fetched to find out
};

class Oracle {
 public:
  using Complain = std::function<void(std::string)>;
  explicit Oracle(Complain complain) : complain_(std::move(complain)) {}

  std::uint64_t moment() noexcept { return ++moment_; }

  Letter& new_letter(std::string account, std::string wire, std::uint64_t octets, std::uint32_t header_octets,
                     const store::SourceId& source);
  void delivery_answered(Letter&, std::uint64_t asked_at,
                         const std::expected<store::AppendResult, store::StoreError>& result);
  // A letter to be imported once more: its first import is over, or in doubt.
  Letter* to_import_again(const std::string& account);
  void second_import_answered(Letter&, std::uint64_t asked_at,
                              const std::expected<store::AppendResult, store::StoreError>& result);

  // The process is gone, with what it alone knew: whatever was asked of it or refused by it is in doubt.
  void life_ended();

  // A login whose password was sent at that moment showed this, complete.
  void listed(const std::string& account, std::uint64_t login_at, const std::vector<ListedLetter>& shown);
  Letter* named(const std::string& account, std::string_view uidl) const;
  // The letter that these octets are; nullptr, and a complaint: nobody delivered it.
  Letter* recognised(const std::string& account, std::string_view uidl, std::string_view wire);

  void deletions_asked(const std::vector<Letter*>& letters, std::uint64_t asked_at);
  enum class Answer : std::uint8_t { done, refused, none };
  void deletions_answered(const std::vector<Letter*>& letters, std::uint64_t asked_at, Answer answer);

  std::uint64_t checks() const noexcept { return checks_; }
  std::size_t letters() const noexcept { return letters_.size(); }
  std::vector<std::string> accounts() const;
  std::string any_uidl(
      const std::string& account) const;  // of the last imported one: those are never forgotten (M16, M17)

 private:
  void changed(const std::string& account, std::uint64_t asked_at);
  void name(Letter& letter, std::string_view uidl);
  void check_shown(Letter& letter, std::uint64_t login_at);
  void check_missing(Letter& letter, std::uint64_t login_at, bool all_known);
  void complain(const Letter& letter, std::string_view what);

  Complain complain_;
  std::uint64_t moment_ = 0;
  std::uint64_t checks_ = 0;
  std::vector<std::unique_ptr<Letter>> letters_;
  std::map<std::pair<std::string, std::string>, Letter*> names_;  // account and UIDL, for ever
};

}  // namespace ringpost::sim
