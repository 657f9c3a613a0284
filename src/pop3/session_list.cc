#include <ringpost/base/ensure.h>
#include <ringpost/pop3/session_list.h>

namespace ringpost::pop3 {

const char* text_of(Phase phase) noexcept {
  switch (phase) {
    case Phase::authorization:
      return "authorization";
    case Phase::transaction:
      return "transaction";
    case Phase::update:
      break;
  }
  return "update";
}

SessionList::~SessionList() {
  ensure(count_ == 0 && accounts_.empty());
}

void SessionList::enter(ListedSession& session) noexcept {
  ensure(session.id_ == 0);
  session.id_ = next_id_++;
  session.following_ = first_;
  if (first_) first_->previous_ = &session;
  first_ = &session;
  ++count_;
}

void SessionList::leave(ListedSession& session) noexcept {
  ensure(session.id_ != 0);
  (session.previous_ ? session.previous_->following_ : first_) = session.following_;
  if (session.following_) session.following_->previous_ = session.previous_;
  session.id_ = 0;
  --count_;
}

bool SessionList::enter_account(const std::string& account, std::uint32_t max) {
  std::uint32_t& inside = accounts_[account];
  if (inside >= max) {
    if (inside == 0) accounts_.erase(account);
    return false;
  }
  ++inside;
  return true;
}

void SessionList::leave_account(const std::string& account) noexcept {
  const auto found = accounts_.find(account);
  ensure(found != accounts_.end() && found->second > 0);
  if (--found->second == 0) accounts_.erase(found);
}

void SessionList::for_each(const std::function<void(const ListedSession&)>& tell) const {
  for (const ListedSession* session = first_; session; session = session->following_) tell(*session);
}

// Ending one only makes what it waits for complete later: nobody leaves the list meanwhile.
template <typename Choose>
std::uint32_t SessionList::end_if(ring::DoomReason reason, Choose chosen) noexcept {
  std::uint32_t ended = 0;
  for (ListedSession* session = first_; session;) {
    ListedSession* const following = session->following_;
    if (chosen(*session)) {
      session->end(reason);
      ++ended;
    }
    session = following;
  }
  return ended;
}

std::uint32_t SessionList::kick(std::uint64_t id) noexcept {
  return end_if(ring::DoomReason::kicked, [id](const ListedSession& session) { return session.id() == id; });
}

std::uint32_t SessionList::kick_account(std::string_view account) noexcept {
  return end_if(ring::DoomReason::kicked, [account](const ListedSession& session) {
    return session.logged_in() && session.account_name() == account;
  });
}

std::uint32_t SessionList::end_all(ring::DoomReason reason) noexcept {
  return end_if(reason, [](const ListedSession&) { return true; });
}

std::uint32_t SessionList::end_idle(Duration silent_min, ring::DoomReason reason) noexcept {
  return end_if(reason, [silent_min](const ListedSession& session) {
    return !session.logged_in() || session.silent_for() >= silent_min;
  });
}

}  // namespace ringpost::pop3
