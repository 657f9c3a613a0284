#include "tally.h"

#include <algorithm>

namespace ringpost::load {

void Tally::merge(const Tally& other) {
  sessions.add(other.sessions.get());
  failures.add(other.failures.get());
  octets_received.add(other.octets_received.get());
  logged_in.add(other.logged_in.get());
  octets_sent += other.octets_sent;
  messages += other.messages;
  message_octets += other.message_octets;
  backlog_max = std::max(backlog_max, other.backlog_max);
  for (std::size_t i = 0; i < failure_count; ++i) {
    failures_by_kind[i] += other.failures_by_kind[i];
    if (first_words[i].empty()) first_words[i] = other.first_words[i];
  }
  for (std::size_t i = 0; i < step_count; ++i) steps[i].merge(other.steps[i]);
  session.merge(other.session);
}

}  // namespace ringpost::load
