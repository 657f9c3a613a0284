// pop3/live_session.h: the state of one session, and the work of its verbs.
//
//   authorization -> transaction   log_in()   password right, lock taken, snapshot lent: only then "+OK"     (P017
//   P018) authorization -> ended         QUIT, time-out, limits, peer gone: nothing was opened (P024) transaction   ->
//   update        update()   the mail sent has arrived there: the marks go to the store     (P035, M6) transaction   ->
//   ended         every other ending: give_back() frees the lock, nothing is deleted        (P036) update        ->
//   ended         tombstones synced and the lock free: only then "+OK", else "-ERR"     (P037 P038)
//
// What needs no wait is a plain function that says what comes Next; the coroutines only do the waiting. So an idle
// session holds two small frames, and a command allocates nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <ringpost/pop3/command.h>
#include <ringpost/pop3/command_reader.h>
#include <ringpost/pop3/replies.h>
#include <ringpost/pop3/session.h>
#include <ringpost/pop3/session_list.h>

namespace ringpost::pop3 {

// What the coroutine does after a line was heard.
enum class Next : std::uint8_t {
  wait,     // for more octets
  go_on,    // answered: the next line
  log_in,   // asked_ holds a credential
  listing,  // listing_ is under way
  mail,     // wanted_ is to be sent
  quit,
  begin_tls,  // answered: the next octets are the handshake's
  close,      // answered for the last time
};

class LiveSession final : public store::Holder, public ListedSession {
 public:
  LiveSession(Services&, Accepted&&);
  ~LiveSession() override;

  bool admit();  // false: refused, the refusal is on its way (S005)
  bool waits_for_tls() const noexcept { return accepted_.tls_first; }
  ring::Task<bool> begin_tls();  // false: the session is over
  void greet();
  ring::Task<bool> authorization();
  ring::Task<void> transaction();
  ring::Task<void> give_back();  // whatever is still held; deletes nothing
  ring::Task<void> close();
  void log_ending() noexcept;

  // The acts of the verb table (verbs.cc).
  Next capa(const Command&);
  Next user(const Command&);
  Next pass(const Command&);
  Next auth(const Command&);
  Next quit(const Command&);
  Next stat(const Command&);
  Next list(const Command&);
  Next retr(const Command&);
  Next dele(const Command&);
  Next noop(const Command&);
  Next rset(const Command&);
  Next top(const Command&);
  Next uidl(const Command&);
  Next stls(const Command&);

  // store::Holder
  std::string_view client_address() const noexcept override { return client_address_; }
  bool ending() const noexcept override { return ending_; }
  bool update_begun() const noexcept override { return phase_ == Phase::update; }
  Instant last_heard() const noexcept override;
  ring::Descriptor socket() const noexcept override { return connection_.socket(); }
  std::uint64_t octets_queued() const noexcept override;
  void end_for_take_over() noexcept override { connection_.doom(ring::DoomReason::taken_over); }

  // ListedSession
  SessionFacts facts() const override;
  Duration silent_for() const noexcept override;
  bool logged_in() const noexcept override { return phase_ != Phase::authorization; }
  std::string_view account_name() const noexcept override { return account_; }
  void end(ring::DoomReason reason) noexcept override { connection_.doom(reason); }

 private:
  const config::VirtualServer& server() const noexcept { return *accepted_.server; }
  bool secure() const noexcept { return connection_.security() != nullptr; }
  const store::Snapshot& snapshot() const noexcept { return lease_.snapshot(); }
  Instant now() const noexcept { return services_.proactor.now(); }

  // Lines.
  Next take_line();
  Next hear(std::string_view line);
  Next hear_response(std::string_view line);
  Next answer(std::string_view text);   // a whole line with its end
  Next mistake(std::string_view text);  // the client's: counted
  Next refuse(store::StoreError);
  bool ended_by(ring::Ending, const char* when_timed_out);  // true: the session is over
  // The same for a wait to send: over a broken connection what was received before is still executed (M6).
  bool output_ended_by(ring::Ending);
  bool doomed();

  // Login.
  Next refuse_unseen();
  Next try_plain(std::string_view base64);
  ring::Task<Next> log_in();
  Next login_refused(accounts::Verdict, std::string_view name);
  Next login_without_maildrop(store::StoreError);
  void forget_credentials() noexcept;

  // Messages and marks.
  struct Wanted {
    store::SnapshotIndex index{};
    bool is_top = false;
    std::uint32_t lines = 0;
  };
  // The message of that number if it is there and not marked; else answers with a refusal.
  bool find(std::uint32_t number, store::SnapshotIndex& found);
  bool is_marked(store::SnapshotIndex) const noexcept;
  std::uint32_t messages_left() const noexcept { return snapshot().count() - marked_count_; }
  std::uint64_t octets_left() const noexcept { return snapshot().octets_in_all() - marked_octets_; }
  std::vector<store::SnapshotIndex> marked() const;
  Next begin_listing(const Command&, bool uidl);
  bool list_some();  // true: the listing is whole

  // Sending (sending.cc).
  bool send_hot();               // the small message that lies in memory: done without a wait
  ring::Task<bool> send_mail();  // false: the session is over
  ring::Task<bool> send_top(const store::MessageEntry&);
  ring::Task<bool> send_small(const store::MessageEntry&);
  ring::Task<bool> send_large(const store::MessageEntry&);
  ring::Task<int> read_cold(std::uint64_t offset, MutableOctets into);
  bool read_hot(std::uint64_t offset, MutableOctets into) noexcept;
  ring::Task<ring::Ending> have_room(std::size_t octets);
  Next refuse_unreadable(int file_error);
  bool mail_cut_short(int file_error);
  bool mail_not_sent(ring::Ending) noexcept;  // false: the session is over
  void mail_handed_over(std::uint64_t end) noexcept;
  void release_view() noexcept;
  std::uint32_t gather_octets_max() const noexcept;

  ring::Task<void> update();

  Services& services_;
  Accepted accepted_;
  ring::Connection connection_;
  CommandReader reader_;
  std::string client_address_;
  std::uint16_t client_port_ = 0;
  Phase phase_ = Phase::authorization;
  bool ending_ = false;
  bool counted_ = false;          // in accepted_.connections
  bool account_entered_ = false;  // in the list of accounts
  bool credential_in_line_ = false;
  bool expects_response_ = false;  // the next line is SASL's (A005)
  bool heard_since_login_ = false;
  bool reset_ = false;  // nothing more can be sent to this peer
  const char* end_ = "";
  Instant begun_;
  Instant login_deadline_;
  Instant last_command_;
  Instant login_;

  std::uint32_t commands_ = 0;
  std::uint32_t mistakes_ = 0;
  std::uint32_t failures_ = 0;
  std::uint32_t retrieved_ = 0;
  std::uint32_t topped_ = 0;
  std::uint32_t deleted_ = 0;

  struct Asked {
    std::string name;
    bool user_given = false;  // PASS may follow (P047)
    accounts::Secret password;
  };
  std::unique_ptr<Asked> asked_;  // while there is one: after USER, AUTH
  std::string account_;
  store::Lease lease_;
  store::LogView view_;
  bool has_view_ = false;
  Wanted wanted_;
  struct Listing {
    std::uint32_t next = 0;
    bool uidl = false;
  } listing_;
  std::vector<std::uint64_t> marks_;  // a bit a message, from the first DELE on
  std::uint32_t marked_count_ = 0;
  std::uint64_t marked_octets_ = 0;
  std::uint64_t last_mail_end_ = 0;  // where the last RETR or TOP answer ends in the connection's output (M6)
};

// One row a verb (verbs.cc).
struct VerbRow {
  Verb verb;
  std::uint8_t phases;                       // bits 1 << Phase
  const char* (*fault)(const Command&);      // refuses, changes nothing
  Next (LiveSession::*act)(const Command&);  // changes, answers
  const char* rows;                          // of the RFC checklist
};
const VerbRow& row_of(Verb) noexcept;
std::uint8_t bit_of(Phase) noexcept;

}  // namespace ringpost::pop3
