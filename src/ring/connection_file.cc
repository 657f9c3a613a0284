// connection_file.cc: a range of a file to the socket, without a copy and without waiting for a disk.

#include <algorithm>
#include <cerrno>
#include <memory>

#include <ringpost/base/mutant.h>

#include "connection_state.h"

namespace ringpost::ring {

namespace {

constexpr std::uint64_t cold_window_octets = 512 << 10;
constexpr int warming_tries_max = 3;  // read and gone again: memory is short

bool is_of_the_network(std::int64_t error) noexcept {
  switch (-error) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case ECANCELED:
      return true;
    default:
      return false;
  }
}

// Where cold windows are read to, so that the page cache has them. Nobody looks at it, so all of a core's sessions
// share it, reads in flight included.
MutableOctets cold_scratch() {
  static thread_local const std::unique_ptr<std::byte[]> scratch =
      std::make_unique_for_overwrite<std::byte[]>(cold_window_octets);
  return {scratch.get(), cold_window_octets};
}

}  // namespace

void Connection::State::became_writable(const Completion&) noexcept {
  writable.reset();
  if (waiting == Waiting::writable) return wake();
  wake_if_quiet();
}

Task<Ending> Connection::State::writable_again(Duration without_progress_max) {
  if (!writable) {
    writable = std::make_unique<Writable>(*this);
    writable->fd = socket;
    proactor.start(*writable);
  }
  std::uint64_t acknowledged = acknowledged_seen;
  while (true) {
    await_until(proactor.now() + without_progress_max);
    co_await Wait{*this, Waiting::writable};
    if (doomed != DoomReason::none) co_return Ending::doomed;
    if (!writable) co_return Ending::none;
    if (acknowledged_octets() <= acknowledged) co_return Ending::timed_out;
    acknowledged = acknowledged_seen;
  }
}

bool Connection::State::is_resident(Descriptor file, const Mapping& mapping, std::uint64_t offset,
                                    std::uint64_t octets) noexcept {
  if (mapping.address) return proactor.peek_resident(mapping, offset, octets);
  std::byte one{};
  return proactor.read_now(file, offset, {&one, 1}) == 1;
}

// Reads a stretch through the ring, whose workers may wait for the disk. 0, or an errno; ENODATA: the file is shorter.
Task<int> Connection::State::read_cold(Descriptor file, std::uint64_t offset, MutableOctets into) {
  counters.octets_cold += into.size();
  while (!into.empty()) {
    Awaited read(proactor, OpKind::read);
    const iovec vector{into.data(), into.size()};
    read.fd = file;
    read.vectors = &vector;
    read.vector_count = 1;
    read.offset = offset;
    const std::int64_t got = co_await read;
    if (got == -EINTR || got == -EAGAIN) continue;
    if (got < 0) co_return static_cast<int>(-got);
    if (got == 0) co_return ENODATA;
    offset += static_cast<std::uint64_t>(got);
    into = into.subspan(static_cast<std::size_t>(got));
  }
  co_return 0;
}

// Reads a stretch so that the page cache has it. Where memory is so short that it is evicted as soon as it was read, it
// goes through an outgoing buffer, which no eviction can take: `sent` grows by that.
Task<void> Connection::State::thaw(Descriptor file, FileRange rest, int& warmed, FileSent& sent,
                                   Duration without_progress_max) {
  if (++warmed <= warming_tries_max) {
    const std::uint64_t window = std::min(rest.length, cold_window_octets);
    sent.file_error = co_await read_cold(file, rest.offset, cold_scratch().first(window));
    co_return;
  }
  RINGPOST_MARK("pages are gone again however often they are read");
  ensure(!put_pending());
  if (!filling) filling.reset(Outgoing::make(*this, limits.outgoing_max));
  const auto part = static_cast<std::uint32_t>(std::min<std::uint64_t>(rest.length, limits.outgoing_max));
  sent.file_error = co_await read_cold(file, rest.offset, {filling->octets(), part});
  filling->begin = 0;
  filling->end = sent.file_error == 0 ? part : 0;
  if (sent.file_error != 0) co_return;
  sent.ending = co_await sent_out(true, without_progress_max);
  if (sent.ending == Ending::none) sent.octets += part;
}

// What this turn still allows (fairness).
std::uint64_t Connection::State::turn_allowance() noexcept {
  if (turn != proactor.now()) {
    turn = proactor.now();
    turn_octets = 0;
  }
  return turn_octets >= limits.file_octets_a_turn ? 0 : limits.file_octets_a_turn - turn_octets;
}

// What was put goes before the file, without waiting for the turn's end where the socket takes it.
void Connection::State::send_directly(const ClearLink&) noexcept {
  if (sending || !filling || filling->begin == filling->end || output_ending != Ending::none) return;
  const std::int64_t now =
      proactor.send_now(socket, {filling->octets() + filling->begin, filling->end - filling->begin});
  if (now > 0) {
    filling->begin += static_cast<std::uint32_t>(now);
    counters.octets_by_ring += static_cast<std::uint64_t>(now);
    took(static_cast<std::uint64_t>(now));
    if (filling->begin == filling->end) filling.reset();
  } else if (now < 0 && now != -EAGAIN && now != -EINTR) {
    output_failed(now);
  }
}

std::int64_t Connection::State::send_range(const ClearLink&, Descriptor file, std::uint64_t offset,
                                           std::uint64_t octets) noexcept {
  const std::int64_t now = proactor.send_file_now(socket, file, offset, octets);
  if (now > 0) {
    turn_octets += static_cast<std::uint64_t>(now);
    counters.octets_by_sendfile += static_cast<std::uint64_t>(now);
    took(static_cast<std::uint64_t>(now));
  }
  return now;
}

Task<Connection::FileSent> Connection::send_file(Descriptor file, const Mapping& mapping, FileRange range,
                                                 Duration without_progress_max) {
  State& state = *state_;
  FileSent sent;
  if (const auto clear = state.clear_link()) state.send_directly(*clear);
  if (state.output_pending() && !RINGPOST_MUTANT(direct_send_overtakes)) {
    sent.ending = co_await state.sent_out(true, without_progress_max);
    if (sent.ending != Ending::none) co_return sent;
  }
  if (state.output_ending != Ending::none) {
    sent.ending = state.output_ending;
    co_return sent;
  }
  state.position += range.length;
  if (state.clear_link())
    co_await state.send_file_clear(file, mapping, range, sent, without_progress_max);
  else
    co_await state.send_file_sealed(file, range, sent, without_progress_max);
  if (sent.ending == Ending::none) state.position -= range.length - sent.octets;  // kept back by a file error
  co_return sent;
}

Task<void> Connection::State::send_file_clear(Descriptor file, const Mapping& mapping, FileRange range, FileSent& sent,
                                              Duration without_progress_max) {
  int warmed = 0;
  while (sent.octets < range.length) {
    if (doomed != DoomReason::none) {
      sent.ending = Ending::doomed;
      co_return;
    }
    const std::uint64_t offset = range.offset + sent.octets;
    const std::uint64_t left = range.length - sent.octets;
    const std::uint64_t octets = std::min(left, turn_allowance());
    if (octets == 0) {
      Awaited next(proactor, OpKind::next_turn);
      co_await next;
      continue;
    }
    if (!is_resident(file, mapping, offset, octets)) {
      co_await thaw(file, {offset, left}, warmed, sent, without_progress_max);
      if (sent.ending != Ending::none || sent.file_error != 0) co_return;
      continue;
    }
    warmed = 0;
    const std::int64_t now = send_range(*clear_link(), file, offset, octets);
    if (now > 0) {
      sent.octets += static_cast<std::uint64_t>(now);
      if (static_cast<std::uint64_t>(now) == octets) continue;
    } else if (now == 0) {
      sent.file_error = ENODATA;  // the file got shorter (R075)
      co_return;
    } else if (is_of_the_network(now)) {
      output_failed(now);
      sent.ending = output_ending;
      co_return;
    } else if (now != -EAGAIN && now != -EINTR) {
      sent.file_error = static_cast<int>(-now);
      co_return;
    }
    sent.ending = co_await writable_again(without_progress_max);
    if (sent.ending != Ending::none) co_return;
  }
}

}  // namespace ringpost::ring
