// ringpost/ring/proactor.h: the one seam between Ringpost and the world.
//
// Protocol, store and filter touch clock, network, disk, other cores and pools through this interface only. Two classes
// implement it: UringProactor (ring/uring_proactor.h) and the simulator's (sim/). A core has one proactor; all calls
// are made on that core's thread. Time stands still while one completion is handled. Prices: what is named `..._now`,
// `peek_...` or returns at once never waits; what is started completes later. Error results are negative errno values,
// as the kernel gives them.
#pragma once

#include <atomic>
#include <cstdint>
#include <sys/socket.h>

#include <ringpost/base/time.h>
#include <ringpost/ring/operation.h>

namespace ringpost::ring {

struct CoreIndex {
  std::uint32_t value = 0;
  auto operator<=>(const CoreIndex&) const = default;
};

// A message to another core. The node belongs to who sends it (a session, a job) until delivered() has run there, so
// posting cannot fail. The same node may then travel back as the answer.
class Message {
 public:
  Message() = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  // Runs on the core it was posted to.
  virtual void delivered() noexcept = 0;

  std::atomic<Message*> next{nullptr};  // the queue's

 protected:
  ~Message() = default;
};

// A point in time to be told about, once. Intrusive: it stays in place while armed; destroying it disarms nothing, so
// disarm first (insisted on).
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  virtual void fired() noexcept = 0;  // disarmed already; may be armed again from inside

  bool armed = false;  // the proactor's, as all below
  Instant due{};
  Timer* previous = nullptr;
  Timer* following = nullptr;

 protected:
  ~Timer() { ensure(!armed); }
};

// What the kernel knows of a TCP peer (M13).
struct PeerState {
  bool known = false;                   // false: the call failed, nothing below holds
  std::uint32_t unanswered_probes = 0;  // keepalive and window probes without an answer
  std::uint32_t retransmits = 0;        // of the segment that is due now
  Duration since_last_ack{};            // any acknowledgement from the peer
};

// A file's address range for residency questions; never read through (no page fault on a core, no SIGBUS).
struct Mapping {
  void* address = nullptr;
  std::uint64_t length = 0;
};

class Proactor {
 public:
  Proactor() = default;
  Proactor(const Proactor&) = delete;
  Proactor& operator=(const Proactor&) = delete;
  virtual ~Proactor() = default;

  // Which core this is, and how many there are.
  virtual CoreIndex core() const noexcept = 0;
  virtual std::uint32_t cores() const noexcept = 0;

  // Clocks and chance.
  virtual Instant now() const noexcept = 0;
  virtual WallTime wall() const noexcept = 0;
  virtual void fill_random(MutableOctets) noexcept = 0;

  // Operations. start() never completes inside the call. cancel() is a wish: the completion still comes, with
  // -ECANCELED or with what had happened already; cancelling what is not in flight does nothing.
  virtual void start(Operation&) noexcept = 0;
  virtual void cancel(Operation&) noexcept = 0;
  // Gives a lent receive buffer back.
  virtual void return_buffer(std::uint16_t buffer) noexcept = 0;

  // Timers: resolution about 10 ms, never early. Arming an armed timer moves it.
  virtual void arm(Timer&, Instant due) noexcept = 0;
  virtual void disarm(Timer&) noexcept = 0;

  // To another core, or to this one (delivered in its next turn). Order from one core to another is kept.
  virtual void post(CoreIndex to, Message&) noexcept = 0;

  // Sockets, at once.
  virtual std::int64_t send_now(Descriptor socket, Octets) noexcept = 0;
  virtual std::int64_t send_file_now(Descriptor socket, Descriptor file, std::uint64_t offset,
                                     std::uint64_t octets) noexcept = 0;
  virtual std::int64_t peek_unacknowledged(
      Descriptor socket) noexcept = 0;  // octets handed over and not yet acknowledged
  virtual PeerState peek_peer(Descriptor socket) noexcept = 0;
  virtual void begin_probing(Descriptor socket) noexcept = 0;  // keepalive every second from now on (M13)
  virtual int peek_address(Descriptor socket, bool peer, sockaddr_storage&) noexcept = 0;
  virtual int finish_sending(Descriptor socket) noexcept = 0;  // shutdown(SHUT_WR)
  virtual int reset_on_close(Descriptor socket) noexcept = 0;  // SO_LINGER 0
  // For sockets, files and folders. Only when nothing is in flight on it (insisted on).
  virtual void close(Descriptor) noexcept = 0;

  // Files, at once. read_now never waits for a disk: -EAGAIN or a short count says that the rest is cold.
  virtual std::int64_t read_now(Descriptor file, std::uint64_t offset, MutableOctets) noexcept = 0;
  virtual Mapping map(Descriptor file, std::uint64_t length) noexcept = 0;  // address nullptr: could not be had
  virtual void unmap(Mapping) noexcept = 0;
  virtual bool peek_resident(const Mapping&, std::uint64_t offset, std::uint64_t length) noexcept = 0;
};

}  // namespace ringpost::ring
