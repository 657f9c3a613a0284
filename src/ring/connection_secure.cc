// connection_secure.cc: an encrypted link. Octets of the session become records here, and records octets; nothing else
// in the house can give a session's octets to such a socket.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "connection_state.h"

namespace ringpost::ring {

namespace {

constexpr std::size_t batch_octets_max = 64 << 10;  // of a file, sealed and sent at once: four full records
constexpr std::size_t good_bye_octets_max = 128;

// Between a NOWAIT read and its sealing. A core does one after the other without a wait, so its sessions share it.
MutableOctets batch() {
  static thread_local const std::unique_ptr<std::byte[]> octets =
      std::make_unique_for_overwrite<std::byte[]>(batch_octets_max);
  return {octets.get(), batch_octets_max};
}

}  // namespace

std::optional<Connection::State::ClearLink> Connection::State::clear_link() const noexcept {
  if (secured) return std::nullopt;
  return ClearLink();
}

const SecureLayer* Connection::security() const noexcept {
  return state_->secured ? state_->secured->layer.get() : nullptr;
}

bool Connection::State::handshake_over() const noexcept {
  return secured->layer->stage() != SecureLayer::Stage::handshake || ending() != Ending::none;
}

void Connection::State::open_octets(Octets wire) noexcept {
  struct Aside final : SecureLayer::Reader {
    explicit Aside(State& owner) : state(owner) {}
    State& state;
    void opened(Octets plain) noexcept override { state.keep_aside(plain); }
  } aside_reader(*this);
  if (secured->ending == Ending::tls_failed) return;
  SecureLayer& layer = *secured->layer;
  layer.from_wire(wire, aside_reader);
  if (layer.stage() == SecureLayer::Stage::handshake) {
    secured->handshake_octets += wire.size();
    if (secured->handshake_octets > secured->handshake_octets_max) secured->ending = Ending::tls_failed;
  }
  if (layer.stage() == SecureLayer::Stage::failed) secured->ending = Ending::tls_failed;
  if (layer.stage() == SecureLayer::Stage::finished) secured->ending = Ending::peer_finished;
  start_sending();
}

Task<Ending> Connection::begin_tls(std::unique_ptr<SecureLayer> layer, Instant deadline, std::uint64_t octets_max) {
  State& state = *state_;
  ensure(!state.secured);
  if (state.output_pending()) {
    const Ending ending = co_await state.sent_out(true, deadline - state.proactor.now());
    if (ending != Ending::none) co_return ending;
  }
  state.settle_lent();
  state.secured = std::make_unique<State::Secured>();
  state.secured->layer = std::move(layer);
  state.secured->handshake_octets_max = octets_max;
  state.secured->sealed = state.position;
  state.secured->wire_end = state.handed;
  // Whatever was sent ahead was sent to the layer: it is never looked at as a command.
  const std::unique_ptr<std::byte[]> ahead = std::move(state.aside);
  const Octets octets{ahead.get() + state.aside_begin, state.aside_end - state.aside_begin};
  state.aside_begin = state.aside_end = state.aside_room = 0;
  if (!octets.empty()) state.open_octets(octets);
  while (!state.handshake_over()) {
    state.arm_receive();
    state.await_until(deadline);
    co_await State::Wait{state, State::Waiting::handshake};
    if (state.expired) co_return state.result;
  }
  co_return state.ending();
}

void Connection::State::append_own_output(Outgoing& out) noexcept {
  const Octets own = secured->layer->own_output();
  if (own.empty()) return;
  std::memcpy(out.octets() + out.end, own.data(), own.size());
  out.end += static_cast<std::uint32_t>(own.size());
  secured->layer->own_output_taken(own.size());
}

// The layer's own words first, then `plain`, then the good-bye, as one buffer for the wire. nullptr: there is nothing,
// or it failed.
Connection::State::Outgoing* Connection::State::sealed(Octets plain) noexcept {
  SecureLayer& layer = *secured->layer;
  const std::size_t sealed_max = layer.sealed_octets_max(plain.size());
  std::unique_ptr<Outgoing> out(Outgoing::make(*this, layer.own_output().size() + sealed_max + good_bye_octets_max));
  append_own_output(*out);
  if (!plain.empty()) {
    const std::size_t written = layer.seal(plain, {out->octets() + out->end, sealed_max});
    out->end += static_cast<std::uint32_t>(written);
    if (written > 0)
      secured->sealed += plain.size();
    else
      output_failed(-EPROTO);
  }
  if (std::exchange(secured->says_good_bye, false)) {
    layer.finish();
    if (layer.own_output().size() <= good_bye_octets_max) append_own_output(*out);
  }
  secured->wire_end += out->end;
  return out->end == 0 ? nullptr : out.release();
}

Connection::State::Outgoing* Connection::State::sealed_output() noexcept {
  const std::unique_ptr<Outgoing> plain = std::move(filling);
  return sealed(plain ? Octets{plain->octets() + plain->begin, plain->end - plain->begin} : Octets{});
}

// By records: the session's octets have arrived when all that was sealed so far has. What was sealed and then cut off
// was never handed over, so it never counts.
bool Connection::State::arrived(std::uint64_t wanted) noexcept {
  const std::uint64_t acknowledged = acknowledged_octets();
  if (clear_link()) return acknowledged >= wanted;
  return secured->sealed >= wanted && acknowledged >= secured->wire_end;
}

Task<void> Connection::State::send_file_sealed(Descriptor file, FileRange range, FileSent& sent,
                                               Duration without_progress_max) {
  int warmed = 0;
  while (sent.octets < range.length) {
    if (doomed != DoomReason::none) {
      sent.ending = Ending::doomed;
      co_return;
    }
    const std::uint64_t offset = range.offset + sent.octets;
    const std::uint64_t left = range.length - sent.octets;
    const std::uint64_t wanted = std::min({left, turn_allowance(), std::uint64_t{batch_octets_max}});
    if (wanted == 0) {
      Awaited next(proactor, OpKind::next_turn);
      co_await next;
      continue;
    }
    if (sending) {
      sent.ending = co_await sent_out(true, without_progress_max);
      if (sent.ending != Ending::none) co_return;
      continue;
    }
    const std::int64_t got = proactor.read_now(file, offset, batch().first(wanted));
    if (got <= 0) {
      co_await thaw(file, {offset, left}, warmed, sent, without_progress_max);
      if (sent.ending != Ending::none || sent.file_error != 0) co_return;
      continue;
    }
    warmed = 0;
    const auto octets = static_cast<std::uint64_t>(got);
    turn_octets += octets;
    counters.octets_gathered += octets;
    sending.reset(sealed(batch().first(octets)));
    if (output_ending != Ending::none || !sending) {
      sending.reset();
      sent.ending = output_ending;
      co_return;
    }
    sent.octets += octets;
    sending->go();
    sent.ending = co_await sent_out(true, without_progress_max);
    if (sent.ending != Ending::none) co_return;
  }
}

}  // namespace ringpost::ring
