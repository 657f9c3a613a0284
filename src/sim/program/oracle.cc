#include "oracle.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace ringpost::sim {

using Delivery = Letter::Delivery;
using Deletion = Letter::Deletion;

void Oracle::complain(const Letter& letter, std::string_view what) {
  complain_(fmt::format("letter {} of {} ({}): {}", letter.number, letter.account,
                        letter.uidl.empty() ? "no UIDL known" : letter.uidl, what));
}

Letter& Oracle::new_letter(std::string account, std::string wire, std::uint64_t octets, std::uint32_t header_octets,
                           const store::SourceId& source) {
  auto& letter = *letters_.emplace_back(std::make_unique<Letter>());
  letter.number = letters_.size();
  letter.account = std::move(account);
  letter.wire = std::move(wire);
  letter.octets = octets;
  letter.header_octets = header_octets;
  letter.source = source;
  letter.delivery_changed = moment();
  return letter;
}

std::vector<std::string> Oracle::accounts() const {
  std::vector<std::string> all;
  for (const auto& letter : letters_)
    if (std::find(all.begin(), all.end(), letter->account) == all.end()) all.push_back(letter->account);
  return all;
}

std::string Oracle::any_uidl(const std::string& account) const {
  for (auto at = letters_.rbegin(); at != letters_.rend(); ++at)
    if ((*at)->account == account && !(*at)->uidl.empty() && (*at)->source != store::SourceId{}) return (*at)->uidl;
  return {};
}

// A change that was asked for after a refusal and acknowledged has settled that refusal (M8).
void Oracle::changed(const std::string& account, std::uint64_t asked_at) {
  for (auto& letter : letters_) {
    if (letter->account != account) continue;
    if (letter->delivery == Delivery::refused && letter->delivery_changed < asked_at)
      letter->delivery = Delivery::absent;
    if (letter->delivery_changed < asked_at) letter->refused_again = false;
    if (letter->deletion == Deletion::refused && letter->deletion_changed < asked_at) letter->deletion = Deletion::none;
  }
}

void Oracle::name(Letter& letter, std::string_view uidl) {
  if (!letter.uidl.empty() && letter.uidl != uidl) complain(letter, fmt::format("its UIDL became {}", uidl));
  letter.uidl = uidl;
  auto [known, is_new] = names_.try_emplace({letter.account, std::string(uidl)}, &letter);
  if (!is_new && known->second != &letter)
    complain(letter, fmt::format("its UIDL named letter {} before", known->second->number));
}

void Oracle::delivery_answered(Letter& letter, std::uint64_t asked_at,
                               const std::expected<store::AppendResult, store::StoreError>& result) {
  const bool seen = letter.delivery != Delivery::asked;  // by a login before the answer came
  letter.delivery_changed = moment();
  if (!result) {
    if (seen) complain(letter, "it was shown, and then its delivery was refused");
    letter.delivery = Delivery::refused;
    return;
  }
  letter.asked_at = asked_at;
  letter.answered_at = moment();
  if (result->what != store::Appended::stored) complain(letter, "it was there before it was delivered");
  letter.delivery = Delivery::acknowledged;
  name(letter, result->uidl);
  changed(letter.account, asked_at);
}

Letter* Oracle::to_import_again(const std::string& account) {
  for (auto at = letters_.rbegin(); at != letters_.rend(); ++at) {
    Letter& letter = **at;
    if (letter.account != account || letter.source == store::SourceId{} || letter.imported_again) continue;
    if (letter.delivery != Delivery::acknowledged && letter.delivery != Delivery::in_doubt) continue;
    letter.imported_again = true;
    letter.may_be_new = letter.delivery == Delivery::in_doubt;
    if (letter.may_be_new) letter.delivery = Delivery::asked;
    return &letter;
  }
  return nullptr;
}

// Already there, or, where the first import was in doubt, stored now: never twice, never back after a deletion (M17).
void Oracle::second_import_answered(Letter& letter, std::uint64_t asked_at,
                                    const std::expected<store::AppendResult, store::StoreError>& result) {
  letter.imported_again = false;
  if (!result) {
    if (letter.delivery == Delivery::asked) {
      letter.delivery = Delivery::in_doubt;
      letter.delivery_changed = moment();
      letter.refused_again = true;
    }
    return;
  }
  if (result->what == store::Appended::stored) {
    if (!letter.may_be_new) return complain(letter, "it was imported a second time");
    name(letter, result->uidl);
    letter.asked_at = asked_at;
    letter.answered_at = moment();
  }
  letter.delivery = Delivery::acknowledged;
  letter.delivery_changed = moment();
  changed(letter.account, asked_at);
}

void Oracle::life_ended() {
  for (auto& letter : letters_) {
    if (letter->delivery == Delivery::asked || letter->delivery == Delivery::refused) {
      letter->delivery = Delivery::in_doubt;
      letter->delivery_changed = moment();
    }
    if (letter->deletion == Deletion::refused) {
      letter->deletion = Deletion::in_doubt;
      letter->deletion_changed = moment();
    }
    letter->imported_again = letter->refused_again = false;
  }
}

Letter* Oracle::named(const std::string& account, std::string_view uidl) const {
  auto found = names_.find({account, std::string(uidl)});
  return found == names_.end() ? nullptr : found->second;
}

Letter* Oracle::recognised(const std::string& account, std::string_view uidl, std::string_view wire) {
  static constexpr std::string_view mark = "X-Letter: ";
  const auto at = wire.find(mark);
  std::uint64_t number = 0;
  if (at != std::string_view::npos) std::from_chars(wire.data() + at + mark.size(), wire.data() + wire.size(), number);
  Letter* letter = number >= 1 && number <= letters_.size() ? letters_[number - 1].get() : nullptr;
  if (!letter || letter->account != account || letter->wire != wire) {
    complain_(fmt::format("{} was shown {} octets as {} that nobody delivered to it{}", account, wire.size(), uidl,
                          letter ? fmt::format(" (they bear the number of letter {} of {}, which has {})", number,
                                               letter->account, letter->wire.size())
                                 : ""));
    return nullptr;
  }
  name(*letter, uidl);
  return letter;
}

void Oracle::check_shown(Letter& letter, std::uint64_t login_at) {
  switch (letter.delivery) {
    case Delivery::refused:
      complain(letter, "it is shown although its delivery was refused");
      break;
    case Delivery::absent:
      complain(letter, "it is shown although it was not there before");
      break;
    default:
      break;
  }
  letter.delivery = Delivery::acknowledged;  // what is shown is durable
  switch (letter.deletion) {
    case Deletion::done:
      if (letter.deletion_changed < login_at) complain(letter, "it is shown again after its acknowledged deletion");
      break;
    case Deletion::asked:
      if (letter.deletion_changed < login_at) letter.seen_since_deletion_asked = true;
      break;
    case Deletion::in_doubt:
      if (letter.deletion_changed < login_at) letter.deletion = Deletion::none;
      break;
    default:
      break;
  }
}

void Oracle::check_missing(Letter& letter, std::uint64_t login_at, bool all_known) {
  if (letter.deletion == Deletion::done || letter.delivery_changed > login_at) return;
  if (letter.delivery == Delivery::in_doubt && all_known && !letter.refused_again) letter.delivery = Delivery::absent;
  if (letter.delivery != Delivery::acknowledged || (letter.uidl.empty() && !all_known)) return;
  // A login passes only when the session that asked is over: what it sees is what was decided.
  if (letter.deletion == Deletion::in_doubt || letter.deletion == Deletion::asked) {
    if (letter.deletion_changed > login_at) return;
    letter.deletion = Deletion::done;
    letter.deletion_changed = login_at;
    return;
  }
  complain(letter,
           letter.deletion == Deletion::refused ? "it is gone although its deletion was refused" : "it is lost");
}

void Oracle::listed(const std::string& account, std::uint64_t login_at, const std::vector<ListedLetter>& shown) {
  ++checks_;
  bool all_known = true;
  std::vector<const Letter*> seen;
  for (const ListedLetter& item : shown) {
    if (!item.letter) {
      all_known = false;
      continue;
    }
    if (std::find(seen.begin(), seen.end(), item.letter) != seen.end()) complain(*item.letter, "it is shown twice");
    seen.push_back(item.letter);
    if (item.octets != item.letter->octets)
      complain(*item.letter, fmt::format("it is listed with {} octets and has {}", item.octets, item.letter->octets));
    check_shown(*item.letter, login_at);
  }
  for (auto& letter : letters_)
    if (letter->account == account && std::find(seen.begin(), seen.end(), letter.get()) == seen.end())
      check_missing(*letter, login_at, all_known);
}

void Oracle::deletions_asked(const std::vector<Letter*>& letters, std::uint64_t asked_at) {
  for (Letter* letter : letters) {
    letter->deletion = Deletion::asked;
    letter->deletion_asker = asked_at;
    letter->deletion_changed = moment();
    letter->seen_since_deletion_asked = false;
  }
}

void Oracle::deletions_answered(const std::vector<Letter*>& letters, std::uint64_t asked_at, Answer answer) {
  for (Letter* letter : letters) {
    if (letter->deletion_asker != asked_at) {  // another session has seen it since, and asked again
      if (answer == Answer::done) complain(*letter, "its deletion was acknowledged, and it had been shown meanwhile");
      continue;
    }
    if (letter->deletion != Deletion::asked) continue;
    letter->deletion_changed = moment();
    if (letter->seen_since_deletion_asked) {
      // The lock was free, so the deletion was decided, before the answer came.
      if (answer == Answer::done) complain(*letter, "its deletion was acknowledged, and it had been shown meanwhile");
      letter->deletion = Deletion::none;
    } else if (answer == Answer::done) {
      letter->deletion = Deletion::done;
    } else {
      letter->deletion = answer == Answer::refused ? Deletion::refused : Deletion::in_doubt;
    }
  }
  if (answer == Answer::done && !letters.empty()) changed(letters.front()->account, asked_at);
}

}  // namespace ringpost::sim
