// connection_state.h: what a Connection is made of.
//
// One session waits on a connection at a time, so one handle and what it waits for are enough. Waking the session is
// always the last thing a completion does: the session may end, and this be gone, before it returns.
#pragma once

#include <coroutine>
#include <memory>
#include <new>
#include <optional>

#include <ringpost/ring/connection.h>

namespace ringpost::ring {

struct Connection::State {
  enum class Waiting : std::uint8_t { nothing, input, handshake, output, writable, pause, peer, quiet };

  // The right to give a session's octets to the socket as they are. Only clear_link() makes one, and only for a link
  // that is in clear; every raw send asks for it.
  class ClearLink {
    friend struct State;
    ClearLink() = default;
  };

  // What an encrypted link needs besides.
  struct Secured {
    std::unique_ptr<SecureLayer> layer;
    std::uint64_t sealed = 0;    // of `position`
    std::uint64_t wire_end = 0;  // where that ends in `handed`, once the kernel took it all
    std::uint64_t handshake_octets = 0, handshake_octets_max = 0;  // from the peer, before its end
    Ending ending = Ending::none;                                  // of the input, told by the layer
    bool says_good_bye = false;                                    // behind whatever is sealed next
  };

  // The multishot receive.
  struct Receive final : Operation {
    explicit Receive(State& owner) : state(owner) { kind = OpKind::receive; }
    State& state;
    void completed(const Completion& completion) noexcept override { state.received(completion); }
  };

  // Deadline of whatever the session waits for. It moves lazily: firing early, it is armed again.
  struct Deadline final : Timer {
    explicit Deadline(State& owner) : state(owner) {}
    State& state;
    void fired() noexcept override { state.deadline_fired(); }
  };

  // An outgoing buffer and the send that empties it. It exists while output is pending.
  struct Outgoing final : Operation {
    static Outgoing* make(State& owner, std::size_t room);
    void operator delete(Outgoing* at, std::destroying_delete_t) noexcept;

    State& state;
    iovec vector{};
    std::uint32_t begin = 0;
    std::uint32_t end = 0;

    std::byte* octets() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    void go() noexcept;
    void completed(const Completion& completion) noexcept override { state.sent(completion); }

   private:
    explicit Outgoing(State& owner) : state(owner) { kind = OpKind::send; }
  };

  struct Writable final : Operation {
    explicit Writable(State& owner) : state(owner) { kind = OpKind::wait_writable; }
    State& state;
    void completed(const Completion& completion) noexcept override { state.became_writable(completion); }
  };

  // The session's wait for anything but input.
  struct Wait {
    State& state;
    Waiting what;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      state.waiter = handle;
      state.waiting = what;
    }
    void await_resume() const noexcept {}
  };

  State(Proactor&, Descriptor, const ConnectionLimits&, SendCounters&);
  ~State();

  // Input (connection_input.cc).
  void received(const Completion&) noexcept;
  void take_octets(const Completion&) noexcept;
  void keep_aside(Octets) noexcept;
  void settle_lent() noexcept;
  void arm_receive() noexcept;
  void input_ended(std::int64_t result) noexcept;
  std::size_t unread_octets() const noexcept { return lent.size() + aside_end - aside_begin; }
  Ending ending() const noexcept {
    if (doomed != DoomReason::none && !closing) return Ending::doomed;
    return secured && secured->ending != Ending::none ? secured->ending : input_ending;
  }

  // Output (connection_output.cc).
  void start_sending() noexcept;
  void sent(const Completion&) noexcept;
  void became_writable(const Completion&) noexcept;
  void output_failed(std::int64_t result) noexcept;
  void drop_output() noexcept;
  bool output_pending() const noexcept { return sending || output_waits(); }
  bool output_waits() const noexcept { return put_pending() || own_output_waits(); }
  bool arrived(std::uint64_t wanted) noexcept;
  void took(std::uint64_t octets) noexcept;  // the kernel did
  std::uint64_t acknowledged_octets() noexcept;
  bool put_pending() const noexcept { return filling && filling->begin < filling->end; }
  Task<Ending> sent_out(bool everything, Duration without_progress_max);
  Task<Ending> writable_again(Duration without_progress_max);
  Task<int> read_cold(Descriptor file, std::uint64_t offset, MutableOctets into);
  Task<void> thaw(Descriptor file, FileRange rest, int& warmed, FileSent& sent, Duration without_progress_max);
  bool is_resident(Descriptor file, const Mapping&, std::uint64_t offset, std::uint64_t octets) noexcept;
  std::uint64_t turn_allowance() noexcept;
  void send_directly(const ClearLink&) noexcept;
  std::int64_t send_range(const ClearLink&, Descriptor file, std::uint64_t offset, std::uint64_t octets) noexcept;
  Task<void> send_file_clear(Descriptor file, const Mapping&, FileRange, FileSent&, Duration without_progress_max);

  // Encryption (connection_secure.cc).
  std::optional<ClearLink> clear_link() const noexcept;
  bool own_output_waits() const noexcept {
    if (!secured || output_ending != Ending::none) return false;
    return secured->says_good_bye || !secured->layer->own_output().empty();
  }
  bool handshake_over() const noexcept;
  void open_octets(Octets wire) noexcept;
  Outgoing* sealed(Octets plain) noexcept;
  void append_own_output(Outgoing&) noexcept;
  Outgoing* sealed_output() noexcept;
  Task<void> send_file_sealed(Descriptor file, FileRange, FileSent&, Duration without_progress_max);

  // Waiting.
  void await_until(Instant when) noexcept;
  void deadline_fired() noexcept;
  void wake() noexcept;
  void wake_if(Waiting what) noexcept {
    if (waiting == what) wake();
  }
  void wake_if_quiet() noexcept {
    if (waiting == Waiting::quiet && quiet()) wake();
  }
  bool quiet() const noexcept { return !receive.in_flight && !sending && !writable; }

  Proactor& proactor;
  SendCounters& counters;
  const ConnectionLimits limits;
  const Descriptor socket;
  std::coroutine_handle<> waiter;
  Waiting waiting = Waiting::nothing;
  Ending result = Ending::none;  // of the wait that ended last
  Ending input_ending = Ending::none;
  Ending output_ending = Ending::none;
  DoomReason doomed = DoomReason::none;
  bool closing = false;
  bool receive_over = false;  // never armed again
  bool expired = false;       // the deadline ended the wait
  std::uint16_t lent_buffer = 0;
  bool lent_held = false;
  bool* gone = nullptr;  // set when this goes away while an input's completion is being handled

  MutableOctets lent{};  // behind what lies aside; only one of the two has octets while the session looks
  std::unique_ptr<std::byte[]> aside;
  std::uint32_t aside_begin = 0, aside_end = 0, aside_room = 0;

  std::unique_ptr<Outgoing> filling, sending;  // filling: as the session wrote it; sending: as it goes to the wire
  std::unique_ptr<Secured> secured;
  std::unique_ptr<Writable> writable;

  Instant until = Instant::max();
  Instant heard;
  Instant turn{};  // time stands still within a turn, so it names one
  std::uint64_t turn_octets = 0;
  std::uint64_t octets_in = 0;
  std::uint64_t handed = 0;    // octets that the kernel took
  std::uint64_t position = 0;  // octets that the session gave
  std::uint64_t acknowledged_seen = 0;
  std::uint64_t drained_octets = 0;

  Receive receive{*this};
  Deadline deadline{*this};
};

}  // namespace ringpost::ring
