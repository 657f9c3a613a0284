// connection_output.cc: octets from the session to the socket, in order.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "connection_state.h"

namespace ringpost::ring {

Connection::State::Outgoing* Connection::State::Outgoing::make(State& owner, std::size_t room) {
  void* at = ::operator new(sizeof(Outgoing) + room);
  return new (at) Outgoing(owner);
}

void Connection::State::Outgoing::operator delete(Outgoing* at, std::destroying_delete_t) noexcept {
  at->~Outgoing();
  ::operator delete(static_cast<void*>(at));
}

void Connection::State::Outgoing::go() noexcept {
  vector = {octets() + begin, end - begin};
  vectors = &vector;
  vector_count = 1;
  fd = state.socket;
  flags = state.closing ? MSG_MORE : 0;  // the last octets and our FIN leave as one segment
  state.proactor.start(*this);
}

void Connection::State::start_sending() noexcept {
  if (sending || !output_waits()) return;
  if (output_ending != Ending::none) return drop_output();
  if (clear_link())
    sending = std::move(filling);
  else
    sending.reset(sealed_output());
  if (sending) sending->go();
}

void Connection::State::took(std::uint64_t octets) noexcept {
  handed += octets;
}

void Connection::State::sent(const Completion& completion) noexcept {
  Outgoing& out = *sending;
  if (completion.result > 0) {
    const auto octets = static_cast<std::uint32_t>(completion.result);
    counters.octets_by_ring += octets;
    took(octets);
    out.begin += octets;
  } else if (completion.result != -EAGAIN && completion.result != -EINTR) {
    output_failed(completion.result);
  }
  if (out.begin < out.end && output_ending == Ending::none) {  // short: the rest goes on where it stopped (R074)
    out.go();
    return wake_if(Waiting::output);
  }
  sending.reset();
  start_sending();
  if (waiting == Waiting::output) return wake();
  wake_if_quiet();
}

// A send that meets a reset takes the socket's error with it, and the armed receive may then sleep for ever (seen on
// Linux 6.18, some of 300 connections that were reset right behind their first commands). Armed anew, it finds the end.
void Connection::State::output_failed(std::int64_t) noexcept {
  if (output_ending != Ending::none) return;
  output_ending = Ending::peer_reset;
  if (input_ending == Ending::none) proactor.cancel(receive);
}

void Connection::State::drop_output() noexcept {
  filling.reset();
  if (!sending) return;
  if (output_ending == Ending::none) output_ending = Ending::doomed;
  proactor.cancel(*sending);
}

std::uint64_t Connection::State::acknowledged_octets() noexcept {
  const std::int64_t outstanding = proactor.peek_unacknowledged(socket);
  if (outstanding >= 0 && static_cast<std::uint64_t>(outstanding) <= handed) {
    const std::uint64_t acknowledged = handed - static_cast<std::uint64_t>(outstanding);
    if (acknowledged > acknowledged_seen) {
      acknowledged_seen = acknowledged;
      heard = proactor.now();
    }
  }
  return acknowledged_seen;
}

// Waits until nothing is pending, or no more than one send; every octet that the peer takes begins the time anew.
Task<Ending> Connection::State::sent_out(bool everything, Duration without_progress_max) {
  start_sending();
  std::uint64_t before = handed;
  std::uint64_t acknowledged = acknowledged_seen;
  await_until(proactor.now() + without_progress_max);
  while ((everything ? output_pending() : output_waits()) && output_ending == Ending::none) {
    if (doomed != DoomReason::none && !closing) co_return Ending::doomed;
    if (expired) {
      if (acknowledged_octets() <= acknowledged && handed == before) co_return Ending::timed_out;
      await_until(proactor.now() + without_progress_max);
    } else if (handed > before) {
      await_until(proactor.now() + without_progress_max);
    }
    before = handed;
    acknowledged = acknowledged_seen;
    co_await Wait{*this, Waiting::output};
  }
  co_return output_ending;
}

std::size_t Connection::room() const noexcept {
  const State& state = *state_;
  return state.filling ? state.limits.outgoing_max - state.filling->end : state.limits.outgoing_max;
}

void Connection::put(std::string_view octets) {
  if (octets.empty()) return;
  const MutableOctets place = prepare(octets.size());
  std::memcpy(place.data(), octets.data(), octets.size());
  commit(octets.size());
}

MutableOctets Connection::prepare(std::size_t octets) {
  State& state = *state_;
  ensure(octets <= room());
  if (!state.filling) state.filling.reset(State::Outgoing::make(state, state.limits.outgoing_max));
  return {state.filling->octets() + state.filling->end, octets};
}

void Connection::commit(std::size_t octets) noexcept {
  State& state = *state_;
  ensure(octets <= room());
  if (octets == 0) return;
  if (state.output_ending != Ending::none) {  // thrown away and not counted
    state.filling.reset();
    return;
  }
  state.filling->end += static_cast<std::uint32_t>(octets);
  state.position += octets;
}

Task<Ending> Connection::flushed(Duration without_progress_max) {
  State& state = *state_;
  if (state.doomed != DoomReason::none) co_return Ending::doomed;
  const Ending ending = co_await state.sent_out(false, without_progress_max);
  co_return ending;
}

}  // namespace ringpost::ring
