// connection_input.cc: octets from lent buffers to the session, and the end of input.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "connection_state.h"

namespace ringpost::ring {

namespace {

constexpr std::uint64_t linger_octets_max = 1 << 20;  // what a peer may still send behind our FIN

}  // namespace

void Connection::State::arm_receive() noexcept {
  if (receive.in_flight || input_ending != Ending::none || receive_over) return;
  if (!closing && unread_octets() > limits.unread_max) return;  // backpressure
  proactor.start(receive);
}

void Connection::State::received(const Completion& completion) noexcept {
  if (completion.result > 0) {
    octets_in += static_cast<std::uint64_t>(completion.result);
    heard = proactor.now();
    if (!completion.more) arm_receive();
    take_octets(completion);
    return;
  }
  if (completion.lent) proactor.return_buffer(completion.buffer);
  if (completion.more) return;
  const bool ours = completion.result == -ECANCELED || completion.result == -ENOBUFS || completion.result == -EINTR ||
                    completion.result == -EAGAIN;
  if (!ours) return input_ended(completion.result);
  arm_receive();  // a pause that is over by now, or no buffer was free
  wake_if_quiet();
}

void Connection::State::input_ended(std::int64_t code) noexcept {
  input_ending = code == 0 ? Ending::peer_finished : Ending::peer_reset;
  if (code != 0) output_failed(code);
  if (waiting == Waiting::input || waiting == Waiting::handshake) {
    result = ending();
    return wake();
  }
  if (waiting == Waiting::peer) return wake();
  wake_if_quiet();
}

void Connection::State::take_octets(const Completion& completion) noexcept {
  if (closing) {
    proactor.return_buffer(completion.buffer);
    drained_octets += static_cast<std::uint64_t>(completion.result);
    if (drained_octets > linger_octets_max) return wake_if(Waiting::peer);
    return wake_if_quiet();
  }
  const std::size_t before = unread_octets();
  const bool directly = waiting == Waiting::input && aside_begin == aside_end && !lent_held;
  if (secured) {
    open_octets(completion.octets);
    proactor.return_buffer(completion.buffer);
  } else if (directly) {
    lent = completion.octets;
    lent_buffer = completion.buffer;
    lent_held = true;
  } else {
    keep_aside(completion.octets);
    proactor.return_buffer(completion.buffer);
  }
  const bool news = unread_octets() > before;
  if (waiting == Waiting::input ? news || ending() != Ending::none
                                : waiting == Waiting::handshake && handshake_over()) {
    bool gone_now = false;
    gone = &gone_now;
    result = news ? Ending::none : ending();
    wake();
    if (gone_now) return;
    gone = nullptr;
  }
  settle_lent();
  if (receive.in_flight && unread_octets() > limits.unread_max) proactor.cancel(receive);
}

// The session waits for something else, or for more: what it left goes aside, the lent buffer goes back.
void Connection::State::settle_lent() noexcept {
  if (!lent_held) return;
  const MutableOctets rest = lent;
  lent = {};
  lent_held = false;
  if (!closing) keep_aside(rest);
  proactor.return_buffer(lent_buffer);
}

void Connection::State::keep_aside(Octets octets) noexcept {
  if (octets.empty()) return;
  const std::uint32_t kept = aside_end - aside_begin;
  const auto wanted = kept + static_cast<std::uint32_t>(octets.size());
  if (aside_end + octets.size() > aside_room) {
    if (wanted > aside_room) {
      const std::uint32_t room = kept == 0 ? wanted : std::max(wanted, aside_room * 2);
      auto larger = std::make_unique_for_overwrite<std::byte[]>(room);
      if (kept) std::memcpy(larger.get(), aside.get() + aside_begin, kept);
      aside = std::move(larger);
      aside_room = room;
    } else {
      std::memmove(aside.get(), aside.get() + aside_begin, kept);
    }
    aside_begin = 0;
    aside_end = kept;
  }
  std::memcpy(aside.get() + aside_end, octets.data(), octets.size());
  aside_end += static_cast<std::uint32_t>(octets.size());
}

Octets Connection::unread() const noexcept {
  const State& state = *state_;
  if (state.lent_held) return state.lent;
  return {state.aside.get() + state.aside_begin, state.aside_end - state.aside_begin};
}

void Connection::consume(std::size_t octets) noexcept {
  State& state = *state_;
  ensure(octets <= state.unread_octets());
  if (state.lent_held) {
    state.lent = state.lent.subspan(octets);
    return;
  }
  state.aside_begin += static_cast<std::uint32_t>(octets);
  if (state.aside_begin == state.aside_end) {
    state.aside.reset();
    state.aside_begin = state.aside_end = state.aside_room = 0;
  }
  if (!state.receive.in_flight && state.unread_octets() <= state.limits.unread_max / 2) state.arm_receive();
}

bool Connection::MoreInput::await_ready() const noexcept {
  State& state = *connection_.state_;
  state.start_sending();
  state.result = state.ending();
  return state.result != Ending::none;
}

void Connection::MoreInput::await_suspend(std::coroutine_handle<> waiter) noexcept {
  State& state = *connection_.state_;
  ensure(!state.waiter);
  state.waiter = waiter;
  state.waiting = State::Waiting::input;
  state.arm_receive();
  state.await_until(deadline_);
}

Ending Connection::MoreInput::await_resume() noexcept {
  return connection_.state_->result;
}

}  // namespace ringpost::ring
