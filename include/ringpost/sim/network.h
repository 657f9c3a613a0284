// ringpost/sim/network.h: TCP as both ends see it: two bounded queues, acknowledgements, and ways to end.
//
// Octets handed over lie in the sender's queue until the receiver's kernel has acknowledged them; the receiver's queue
// is bounded too, so a peer that does not read fills both. What sendfile queued are references to pages: their octets
// are looked at when they are delivered (M10). Owner: the world; sockets live until both ends are done with them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ringpost/base/octets.h>
#include <ringpost/ring/proactor.h>
#include <ringpost/sim/disk.h>
#include <ringpost/sim/events.h>
#include <ringpost/sim/faults.h>
#include <ringpost/sim/story.h>

namespace ringpost::sim {

using SocketNumber = std::uint64_t;

struct Segment {
  std::string octets;  // copied, or
  PageReference page;  // referred to
  std::uint32_t from = 0;
  std::uint32_t length = 0;
};

struct Socket {
  SocketNumber number = 0;
  SocketNumber peer = 0;   // 0: gone
  std::uint32_t host = 0;  // of the client: its address is 192.0.2.<host>
  std::uint16_t port = 0;
  bool server_side = false;
  bool closed = false;  // by its process
  bool resets_on_close = false;
  int error = 0;             // pending: ECONNRESET, ETIMEDOUT
  bool gone_silent = false;  // the way between the two is cut, both ways

  std::deque<Segment> queue;  // handed over, not yet delivered
  std::uint64_t undelivered = 0;
  std::uint64_t handed_over = 0;
  std::uint64_t acknowledged = 0;
  Instant last_acknowledged{};
  bool finishing = false;  // FIN stands behind the queue
  bool finished = false;   // and was delivered
  bool delivery_due = false;
  bool probing = false;
  std::uint32_t unanswered_probes = 0;

  std::string received;  // by the kernel, not yet by the process
  bool peer_finished = false;

  std::function<void()> on_input;   // octets, end or error
  std::function<void()> on_output;  // room, or error

  std::uint64_t unacknowledged() const noexcept { return handed_over - acknowledged; }
};

struct Listener {
  std::uint16_t port = 0;
  std::deque<SocketNumber> backlog;
  std::function<void()> on_connection;
};

class Network {
 public:
  Network(Random random, Events& events, const Faults& faults, FaultCounts& counts, Story& story)
      : random_(random), events_(events), faults_(faults), counts_(counts), story_(story) {}

  // The server's side.
  Listener* listen(std::uint16_t port);
  void stop_listening(Listener*);
  std::int64_t send(SocketNumber, Octets);           // octets taken, -EAGAIN, -EPIPE, ...
  std::int64_t send_page(SocketNumber, Segment);     // one segment, as far as there is room
  std::uint64_t room(const Socket&) const noexcept;  // octets that the queue takes now
  void finish_sending(SocketNumber);
  void close(SocketNumber);
  void begin_probing(SocketNumber);
  ring::PeerState peer_state(const Socket&) const;

  // Both sides.
  Socket* socket(SocketNumber) const;
  std::string take(SocketNumber, std::size_t octets_max);  // out of the receive queue
  void reset(SocketNumber);                                // RST now, nothing is sent any more

  // The client's side. 0: nobody listens there.
  SocketNumber connect(std::uint32_t host, std::uint16_t port);
  void go_silent(SocketNumber);  // no packet passes any more

  // All server sockets: as the kernel does for a process that dies; as it looks when a machine is gone.
  void process_died();
  void machine_died();

  std::size_t server_sockets_open() const noexcept;
  Duration latency();

 private:
  void schedule_delivery(Socket&);
  void deliver(SocketNumber);
  void acknowledge(SocketNumber, std::uint64_t octets);
  void fail(SocketNumber, int error);
  void probe(SocketNumber);
  void drop_if_done(SocketNumber);
  static std::string cut_off(Socket&, std::uint64_t octets);

  Random random_;
  Events& events_;
  const Faults& faults_;
  FaultCounts& counts_;
  Story& story_;
  std::map<SocketNumber, std::unique_ptr<Socket>> sockets_;
  SocketNumber last_socket_ = 0;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace ringpost::sim
