#include <algorithm>
#include <cerrno>
#include <cstring>

#include <ringpost/ring/connection.h>

#include "connection_state.h"

namespace ringpost::ring {

namespace {

constexpr Duration linger_max = std::chrono::seconds(1);  // for the peer's FIN behind ours (R070)
constexpr Duration acknowledge_pause_min = std::chrono::milliseconds(10);
constexpr Duration acknowledge_pause_max = std::chrono::milliseconds(250);

}  // namespace

Connection::State::State(Proactor& over, Descriptor accepted, const ConnectionLimits& wanted, SendCounters& counts)
    : proactor(over), counters(counts), limits(wanted), socket(accepted), heard(over.now()) {
  static_assert(sizeof(State) <= 488, "what an idle connection costs, besides 16 octets in the table of operations");
  receive.fd = socket;
  arm_receive();
}

Connection::State::~State() {
  ensure(quiet() && !waiter);
  if (lent_held) proactor.return_buffer(lent_buffer);
  if (gone) *gone = true;
}

void Connection::State::wake() noexcept {
  waiting = Waiting::nothing;
  if (waiter) std::exchange(waiter, nullptr).resume();
}

// Moves the deadline; an armed timer that fires too early notices.
void Connection::State::await_until(Instant when) noexcept {
  expired = false;
  until = when;
  if (when == Instant::max()) return;
  if (!deadline.armed || deadline.due > when) proactor.arm(deadline, when);
}

void Connection::State::deadline_fired() noexcept {
  if (waiting == Waiting::nothing) return;
  const bool doom_it = doomed != DoomReason::none && !closing;
  if (!doom_it && proactor.now() < until) {
    if (until != Instant::max()) proactor.arm(deadline, until);
    return;
  }
  if (waiting == Waiting::quiet) return;  // completions end that, nothing else does
  expired = true;
  result = doom_it ? Ending::doomed : Ending::timed_out;
  wake();
}

Connection::Connection(Proactor& proactor, Descriptor accepted, const ConnectionLimits& limits, SendCounters& counters)
    : state_(std::make_unique<State>(proactor, accepted, limits, counters)) {}

Connection::~Connection() = default;

void Connection::doom(DoomReason reason) noexcept {
  if (state_->doomed != DoomReason::none) return;
  state_->doomed = reason;
  // Not from inside this call: whoever dooms has its own work to finish.
  if (state_->waiting != State::Waiting::nothing) state_->proactor.arm(state_->deadline, state_->proactor.now());
}

DoomReason Connection::doom_reason() const noexcept {
  return state_->doomed;
}

std::uint64_t Connection::position() const noexcept {
  return state_->position;
}

bool Connection::acknowledged(std::uint64_t position) noexcept {
  return state_->arrived(position);
}

Task<Ending> Connection::until_acknowledged(std::uint64_t position, Duration max) {
  State& state = *state_;
  state.start_sending();
  Duration pause = acknowledge_pause_min;
  std::uint64_t seen = state.acknowledged_octets();
  Instant give_up = state.proactor.now() + max;
  while (true) {
    const std::uint64_t now_seen = state.acknowledged_octets();
    if (state.arrived(position)) co_return Ending::none;
    if (state.doomed != DoomReason::none) co_return Ending::doomed;
    if (state.input_ending == Ending::peer_reset || state.output_ending != Ending::none) co_return Ending::peer_reset;
    if (now_seen > seen) {
      seen = now_seen;
      give_up = state.proactor.now() + max;
    }
    if (state.proactor.now() >= give_up) co_return Ending::timed_out;
    state.await_until(std::min(give_up, state.proactor.now() + pause));
    co_await State::Wait{state, State::Waiting::pause};
    pause = std::min(pause * 2, acknowledge_pause_max);
  }
}

Task<void> Connection::close(bool orderly, Duration max) {
  State& state = *state_;
  ensure(!state.closing);
  state.closing = true;
  const Instant give_up = state.proactor.now() + max;
  if (orderly) {
    if (state.secured) state.secured->says_good_bye = true;
    state.start_sending();
    state.await_until(give_up);
    while (state.output_pending() && !state.expired) co_await State::Wait{state, State::Waiting::output};
  }
  const bool delivered = orderly && !state.output_pending() && state.output_ending == Ending::none;
  state.settle_lent();
  state.aside.reset();
  state.aside_begin = state.aside_end = state.aside_room = 0;
  if (delivered && state.input_ending == Ending::none) {
    // Our FIN goes now. What the peer still sends is taken off the socket for a while: closing over unread octets would
    // be a reset, and could cost the peer our last answer.
    if (state.proactor.finish_sending(state.socket) == 0) {
      state.arm_receive();
      state.await_until(state.proactor.now() + std::min(max, linger_max));
      if (state.input_ending == Ending::none) co_await State::Wait{state, State::Waiting::peer};
    }
  } else if (!delivered) {
    state.proactor.reset_on_close(state.socket);
  }
  state.drop_output();
  state.receive_over = true;
  state.proactor.cancel(state.receive);
  if (state.writable) state.proactor.cancel(*state.writable);
  while (!state.quiet()) co_await State::Wait{state, State::Waiting::quiet};
  state.proactor.disarm(state.deadline);
  state.proactor.close(state.socket);
}

Descriptor Connection::socket() const noexcept {
  return state_->socket;
}
Instant Connection::last_heard() const noexcept {
  return state_->heard;
}
std::uint64_t Connection::octets_received() const noexcept {
  return state_->octets_in;
}
std::uint64_t Connection::octets_sent() const noexcept {
  return state_->handed;
}

}  // namespace ringpost::ring
