// ringpost/ring/connection.h: one accepted socket as a session sees it: octets in, octets out, in order, bounded.
//
// Runs unchanged over both proactors. Owner: the session's frame; it stays in place until close() has returned.
// Input: a multishot receive fills lent buffers. What a session has not consumed when it waits for something else is
// copied aside (at most `unread_max`, then receiving pauses: backpressure), and the lent buffer goes back in the same
// turn, so an idle or stuck session holds none. Output: put() gathers into an outgoing buffer that exists only while
// output is pending. more() starts sending what was put without waiting for it. A direct send of a file happens only
// when nothing of the queue is pending (order, R074). Errors: when sending has failed, later output is thrown away and
// not counted as handed over; what was received before is still given to the session first (M6).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <ringpost/ring/awaitables.h>
#include <ringpost/ring/secure_layer.h>
#include <ringpost/ring/task.h>

namespace ringpost::ring {

// Why a connection gives no more input, or will take no more output.
enum class Ending : std::uint8_t {
  none,
  peer_finished,  // FIN: no more input; answers can still be sent
  peer_reset,     // ECONNRESET, EPIPE and relatives
  timed_out,      // the deadline passed
  tls_failed,     // what came is no TLS, or not as it must be: nothing of it was given out
  doomed,         // we want it gone: kick, shutdown, take-over; see doom_reason()
};

enum class DoomReason : std::uint8_t { none, kicked, shutdown, taken_over, overload };

struct ConnectionLimits {
  std::uint32_t unread_max = 8192;            // octets received and not yet consumed, held for a busy session
  std::uint32_t outgoing_max = 16384;         // octets of one outgoing buffer; two may be pending
  std::uint32_t file_octets_a_turn = 262144;  // fairness: then the others have their turn
};

struct FileRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Octets by the way they left, and how many were cold.
struct SendCounters {
  std::uint64_t octets_by_ring = 0;  // replies and gathered small messages
  std::uint64_t octets_by_sendfile = 0;
  std::uint64_t octets_cold = 0;      // read through the ring first
  std::uint64_t octets_gathered = 0;  // of octets_by_ring: read by NOWAIT reads
};

class Connection final {
 public:
  // `socket` becomes ours. Receiving is armed at once.
  Connection(Proactor&, Descriptor socket, const ConnectionLimits&, SendCounters&);
  ~Connection();  // after close() only

  // --- Input -------------------------------------------------------------------------------------------------------
  // What is there now, maybe nothing. Valid until the next co_await.
  Octets unread() const noexcept;
  void consume(std::size_t octets) noexcept;

  // Starts sending what was put, then waits until there is more input than now, or an ending. Ending::none = unread()
  // has grown. What was received before an ending is always given out first.
  class MoreInput {
   public:
    bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> waiter) noexcept;
    Ending await_resume() noexcept;

   private:
    friend class Connection;
    MoreInput(Connection& connection, Instant deadline) noexcept : connection_(connection), deadline_(deadline) {}
    Connection& connection_;
    Instant deadline_;
  };
  MoreInput more(Instant deadline) noexcept { return {*this, deadline}; }

  // --- Output ------------------------------------------------------------------------------------------------------
  // Room in the current outgoing buffer; put() and prepare() want no more than that. An empty buffer has outgoing_max.
  std::size_t room() const noexcept;
  void put(std::string_view octets);
  // To build in place: a span of `octets` (<= room()), then say how many were written.
  MutableOctets prepare(std::size_t octets);
  void commit(std::size_t octets) noexcept;

  // Waits until a whole outgoing buffer is free again (room() == outgoing_max), sending what was put.
  // none, or why not: timed_out = no octet was taken by the peer until the deadline.
  Task<Ending> flushed(Duration without_progress_max);

  // Sends a range of a file: what was put goes first, then sendfile in turns of file_octets_a_turn, asking `resident`
  // before each (peek_resident; an empty mapping means: ask a one-octet NOWAIT read). Cold stretches are read through
  // the ring in windows ahead of the send. Results: none; an Ending; or `file_error` set (errno) where the file could
  // not be read: the connection must then end without the rest.
  struct FileSent {
    Ending ending = Ending::none;
    int file_error = 0;
    std::uint64_t octets = 0;
  };
  Task<FileSent> send_file(Descriptor file, const Mapping&, FileRange, Duration without_progress_max);

  // --- Encryption --------------------------------------------------------------------------------------------------
  // Sends what was put, in clear; from then on the link is the layer's: what the peer has sent already and is unread
  // goes to the layer and nowhere else, and no octet leaves but through it. Waits for the handshake's end: none, or an
  // ending. `octets_max`: what a peer may send before that.
  Task<Ending> begin_tls(std::unique_ptr<SecureLayer>, Instant deadline, std::uint64_t octets_max);
  const SecureLayer* security() const noexcept;  // nullptr: the link is in clear

  // --- What has arrived there (M6) ---------------------------------------------------------------------------------
  // Octets given to put() or send_file() so far, whether sent or not: the position of the end of the last answer.
  std::uint64_t position() const noexcept;
  // Has the peer's TCP acknowledged everything up to `position`?
  bool acknowledged(std::uint64_t position) noexcept;
  // Waits for that: none, timed_out, peer_reset or doomed. The number alone decides, an ending is looked at only after
  // it.
  Task<Ending> until_acknowledged(std::uint64_t position, Duration max);

  // --- The end -----------------------------------------------------------------------------------------------------
  // From outside (same core): whatever the session waits for on this connection ends now with Ending::doomed.
  void doom(DoomReason) noexcept;
  DoomReason doom_reason() const noexcept;

  // Sends what was put (bounded by the deadline), says the layer's good-bye, finishes, waits for every operation in
  // flight, closes the descriptor. `orderly` false: resets. The last thing a session does with it.
  Task<void> close(bool orderly, Duration max);

  // --- For take-over and figures -----------------------------------------------------------------------------------
  Descriptor socket() const noexcept;
  Instant last_heard() const noexcept;  // the last octet received or newly acknowledged as far as we looked
  std::uint64_t octets_received() const noexcept;
  std::uint64_t octets_sent() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ringpost::ring
