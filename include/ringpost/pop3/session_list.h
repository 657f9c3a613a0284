// ringpost/pop3/session_list.h: one core's living sessions: for `ringpost sessions` and `kick`, drain, and the limits.
//
// Threads: the core's own; who asks from elsewhere sends a message. A session enters when it begins and leaves when it
// has given back everything; what the list costs it is two pointers and a number.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <ringpost/base/time.h>
#include <ringpost/ring/connection.h>

namespace ringpost::pop3 {

enum class Phase : std::uint8_t { authorization, transaction, update };
const char* text_of(Phase) noexcept;

struct SessionFacts {
  std::uint64_t id = 0;
  Phase phase = Phase::authorization;
  std::string account;  // empty before login
  std::string client;   // numeric address and port
  std::string server;   // the virtual server's name
  Duration age{};
  Duration silent{};  // since the last command
  std::uint64_t retrieved = 0;
  std::uint64_t marked = 0;  // delete marks
  std::uint64_t octets_in = 0;
  std::uint64_t octets_out = 0;
};

class SessionList;

// A session as the list sees it.
class ListedSession {
 public:
  ListedSession() = default;
  ListedSession(const ListedSession&) = delete;
  ListedSession& operator=(const ListedSession&) = delete;
  virtual ~ListedSession() = default;
  virtual SessionFacts facts() const = 0;
  virtual Duration silent_for() const noexcept = 0;
  virtual bool logged_in() const noexcept = 0;
  virtual std::string_view account_name() const noexcept = 0;
  virtual void end(ring::DoomReason) noexcept = 0;  // soon, without UPDATE; one that is in UPDATE finishes it
  std::uint64_t id() const noexcept { return id_; }

 private:
  friend class SessionList;
  ListedSession* previous_ = nullptr;
  ListedSession* following_ = nullptr;
  std::uint64_t id_ = 0;
};

class SessionList {
 public:
  explicit SessionList(ring::CoreIndex core) : next_id_((std::uint64_t{core.value} << 48) + 1) {}
  SessionList(const SessionList&) = delete;
  SessionList& operator=(const SessionList&) = delete;
  ~SessionList();  // when nobody is inside

  void enter(ListedSession&) noexcept;
  void leave(ListedSession&) noexcept;
  std::uint32_t count() const noexcept { return count_; }

  // Logged-in sessions and those about to be, by account, on this core. false: `max` are there already.
  bool enter_account(const std::string& account, std::uint32_t max);
  void leave_account(const std::string& account) noexcept;

  void for_each(const std::function<void(const ListedSession&)>&) const;

  // Each returns how many sessions were told to end.
  std::uint32_t kick(std::uint64_t id) noexcept;
  std::uint32_t kick_account(std::string_view account) noexcept;
  std::uint32_t end_all(ring::DoomReason) noexcept;
  // For a drain: who is not logged in, and who was silent for so long with nothing under way.
  std::uint32_t end_idle(Duration silent_min, ring::DoomReason) noexcept;

 private:
  template <typename Choose>
  std::uint32_t end_if(ring::DoomReason, Choose) noexcept;

  ListedSession* first_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint64_t next_id_;
  std::unordered_map<std::string, std::uint32_t> accounts_;
};

}  // namespace ringpost::pop3
