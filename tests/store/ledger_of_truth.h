// ledger_of_truth.h: what must be shown of one maildrop, whatever the disk and the machine did (DESIGN 3, the oracle).
//
// Every message has a text of its own. In doubt, and allowed either way: what was never answered, and what was refused
// and followed by a death before the next answered append there; the first listing after it decides for ever.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "people.h"

namespace ringpost::store {

class LedgerOfTruth {
 public:
  enum class Is : std::uint8_t { absent, present, in_doubt };
  struct Message {
    std::string text;
    int source = 0;    // of an import
    std::string uidl;  // once it is known
    Is shown = Is::in_doubt;
    bool delivering = true;
    bool deleting = false;
    std::uint64_t begun = 0;
    std::uint64_t refused = 0;         // when; absent unless a death follows
    std::uint64_t delete_refused = 0;  // when
    std::uint64_t rank = 0;            // in the order of listings; 0: never listed
    bool ever_certain = false;         // was acknowledged or listed: its source id counts for ever
  };

  static constexpr std::size_t nobody = ~std::size_t{0};

  explicit LedgerOfTruth(std::vector<std::string>& wrong) : wrong_(wrong) {}

  // --- What the people did ---
  std::size_t begin_delivery(std::string text, int source = 0) {
    messages_.push_back({.text = std::move(text), .source = source, .begun = ++clock_});
    return messages_.size() - 1;
  }
  void delivered(std::size_t which, const Stored& stored) {
    Message& message = messages_[which];
    message.delivering = false;
    if (!stored || stored->what == Appended::already_there) {
      message.refused = stored ? 0 : ++clock_;
      message.shown = Is::absent;
      return;
    }
    if (message.source)
      for (const Message& other : messages_)
        if (&other != &message && other.source == message.source && other.ever_certain)
          wrong("imported twice: " + other.text + " and " + message.text);
    message.shown = Is::present;
    message.ever_certain = true;
    know_uidl(which, stored->uidl);
    // What was refused before this began is covered by a synced skip by now.
    for (Message& other : messages_) {
      if (other.refused && other.refused < message.begun) other.refused = 0;
      if (other.delete_refused && other.delete_refused < message.begun) other.delete_refused = 0;
    }
  }
  void begin_deletion(const std::vector<std::size_t>& which) {
    for (std::size_t each : which) messages_[each].deleting = true;
  }
  void deleted(const std::vector<std::size_t>& which, bool success) {
    for (std::size_t each : which) {
      Message& message = messages_[each];
      message.deleting = false;
      if (success)
        message.shown = Is::absent;
      else
        message.delete_refused = ++clock_;
    }
  }
  void death() {
    for (Message& message : messages_) {
      const bool gone_in_doubt = (message.deleting || message.delete_refused) && message.shown == Is::present;
      if (message.delivering || message.refused || gone_in_doubt) message.shown = Is::in_doubt;
      message.delivering = message.deleting = false;
      message.refused = message.delete_refused = 0;
    }
  }

  // --- What a login showed. A message whose octets could not be read has an empty reply: it is found by its UIDL. ---
  struct Before {
    std::vector<Is> must;
    std::vector<bool> delivering;
  };
  Before before_login() const {
    Before before;
    for (const Message& message : messages_) {
      before.must.push_back(message.shown);
      before.delivering.push_back(message.delivering);
    }
    return before;
  }
  std::vector<std::size_t> listed(const Before& before, const std::vector<Seen>& seen) {
    std::vector<std::size_t> found;
    some_unknown_ = false;
    for (const Seen& each : seen) {
      const std::size_t which = find(each);
      if (which == nobody && each.reply.empty())
        some_unknown_ = true;  // a read failed, and it was never listed before
      else if (which == nobody)
        wrong("nobody delivered this, or it has another's UIDL: " + each.uidl + " " + each.reply.substr(0, 60));
      else if (std::find(found.begin(), found.end(), which) != found.end())
        wrong("shown twice: " + messages_[which].text);
      found.push_back(which);
    }
    check_presence(before, found);
    check_order(found);
    return found;
  }

  std::string subject(std::size_t which) const {
    return messages_[which].text.substr(9, messages_[which].text.find('\r') - 9);
  }

 private:
  // Subjects tell enough.
  void wrong(std::string words) {
    std::string told;
    for (std::size_t at = 0; at < words.size() && told.size() < 160; ++at)
      if (words.compare(at, 4, "\r\n\r\n") == 0)
        at = std::min(words.find(" and ", at), words.size()) - 1;
      else
        told += words[at];
    wrong_.push_back(std::move(told));
  }

  // A UIDL ever shown never names another message.
  void know_uidl(std::size_t which, const std::string& uidl) {
    messages_[which].uidl = uidl;
    const auto [known, fresh] = uidls_.emplace(uidl, which);
    if (!fresh && known->second != which)
      wrong("one UIDL for two: " + messages_[known->second].text + " and " + messages_[which].text);
  }

  std::size_t find(const Seen& seen) {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      Message& message = messages_[i];
      if (seen.reply.empty() ? seen.uidl != message.uidl : seen.reply != reply_to(message.text)) continue;
      if (message.uidl.empty()) know_uidl(i, seen.uidl);
      return message.uidl == seen.uidl ? i : nobody;
    }
    return nobody;
  }

  void check_presence(const Before& before, const std::vector<std::size_t>& found) {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      Message& message = messages_[i];
      const bool there = std::find(found.begin(), found.end(), i) != found.end();
      if (there) message.ever_certain = true;
      const bool under_way = i >= before.must.size() || before.delivering[i];
      const Is must = under_way ? Is::in_doubt : before.must[i];
      // Another session may have deleted it since the login began.
      if (message.deleting || (must == Is::present && message.shown == Is::absent)) continue;
      if (must == Is::present && !there) wrong("lost: " + message.text);
      if (must == Is::absent && there) wrong("came back: " + message.text);
      if (!there && some_unknown_) continue;
      if (!under_way && must == Is::in_doubt) message.shown = there ? Is::present : Is::absent;
    }
  }

  // R012: a steady order, new ones only at the end.
  void check_order(const std::vector<std::size_t>& found) {
    if (some_unknown_) return;
    std::uint64_t last = 0;
    for (std::size_t which : found) {
      if (which == nobody) continue;
      Message& message = messages_[which];
      if (message.rank == 0) message.rank = ++ranks_;
      if (message.rank < last) wrong("out of order: " + message.text);
      last = message.rank;
    }
  }

  std::vector<std::string>& wrong_;
  std::vector<Message> messages_;
  std::map<std::string, std::size_t> uidls_;
  bool some_unknown_ = false;
  std::uint64_t clock_ = 0;
  std::uint64_t ranks_ = 0;
};

}  // namespace ringpost::store
