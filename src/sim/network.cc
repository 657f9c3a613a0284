#include <algorithm>
#include <cerrno>
#include <utility>

#include <ringpost/sim/network.h>

namespace ringpost::sim {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {
constexpr std::uint64_t packet_octets_max = 16384;
constexpr std::uint32_t probes_until_dead = 9;
constexpr Duration first_retransmit = milliseconds(200);
constexpr Duration retransmits_end = minutes(15);
}  // namespace

Duration Network::latency() {
  const auto mean = faults_.network_latency_mean.count();
  Duration wait = faults_.network_latency_min + Duration(random_.below(static_cast<std::uint64_t>(mean) * 2 + 1));
  if (random_.chance(0.01)) {
    ++counts_[Fault::packet_delayed];
    wait += 20 * faults_.network_latency_mean;
  }
  return wait;
}

Socket* Network::socket(SocketNumber number) const {
  auto found = sockets_.find(number);
  return found == sockets_.end() ? nullptr : found->second.get();
}

Listener* Network::listen(std::uint16_t port) {
  listeners_.push_back(std::make_unique<Listener>());
  listeners_.back()->port = port;
  return listeners_.back().get();
}

void Network::stop_listening(Listener* listener) {
  for (const SocketNumber waiting : listener->backlog) reset(waiting);
  std::erase_if(listeners_, [&](const auto& at) { return at.get() == listener; });
}

SocketNumber Network::connect(std::uint32_t host, std::uint16_t port) {
  std::vector<Listener*> there;
  for (const auto& at : listeners_)
    if (at->port == port) there.push_back(at.get());
  if (there.empty()) return 0;
  Listener* listener = there[random_.below(there.size())];
  auto client = std::make_unique<Socket>();
  auto server = std::make_unique<Socket>();
  client->number = ++last_socket_;
  server->number = ++last_socket_;
  client->peer = server->number;
  server->peer = client->number;
  server->server_side = true;
  client->host = server->host = host;
  client->port = server->port = static_cast<std::uint16_t>(1024 + client->number % 60000);
  client->last_acknowledged = server->last_acknowledged = events_.now();
  const SocketNumber mine = client->number;
  const SocketNumber theirs = server->number;
  sockets_.emplace(mine, std::move(client));
  sockets_.emplace(theirs, std::move(server));
  events_.after(latency(), [this, listener, theirs] {
    const bool listening =
        std::any_of(listeners_.begin(), listeners_.end(), [&](const auto& at) { return at.get() == listener; });
    const Socket* arrived = socket(theirs);
    if (!arrived || arrived->closed) return;  // gone with its machine or process
    if (!listening) return reset(theirs);
    listener->backlog.push_back(theirs);
    if (listener->on_connection) listener->on_connection();
  });
  return mine;
}

std::uint64_t Network::room(const Socket& socket) const noexcept {
  const std::uint64_t held = socket.unacknowledged();
  return held >= faults_.socket_octets_max ? 0 : faults_.socket_octets_max - held;
}

std::int64_t Network::send(SocketNumber number, Octets octets) {
  Segment segment;
  segment.length = static_cast<std::uint32_t>(octets.size());
  segment.octets = text_of(octets);
  return send_page(number, std::move(segment));
}

std::int64_t Network::send_page(SocketNumber number, Segment segment) {
  Socket* from = socket(number);
  if (from->error) return -std::exchange(from->error, EPIPE);
  if (from->finishing) return -EPIPE;
  const std::uint64_t taken = std::min<std::uint64_t>(room(*from), segment.length);
  if (taken == 0) return segment.length == 0 ? 0 : -EAGAIN;
  if (from->unacknowledged() == 0) from->last_acknowledged = events_.now();
  segment.length = static_cast<std::uint32_t>(taken);
  if (!segment.page) segment.octets.resize(taken);
  from->queue.push_back(std::move(segment));
  from->undelivered += taken;
  from->handed_over += taken;
  schedule_delivery(*from);
  return static_cast<std::int64_t>(taken);
}

void Network::schedule_delivery(Socket& from) {
  if (from.delivery_due || from.gone_silent) return;
  if (from.undelivered == 0 && !(from.finishing && !from.finished)) return;
  from.delivery_due = true;
  events_.after(latency(), [this, number = from.number] { deliver(number); });
}

std::string Network::cut_off(Socket& from, std::uint64_t octets) {
  std::string out;
  out.reserve(octets);
  while (out.size() < octets) {
    Segment& first = from.queue.front();
    const auto part = static_cast<std::uint32_t>(std::min<std::uint64_t>(first.length, octets - out.size()));
    if (first.page)
      out.append(reinterpret_cast<const char*>(first.page->octets.data()) + first.from, part);
    else
      out.append(first.octets, first.from, part);
    first.from += part;
    first.length -= part;
    if (first.length == 0) from.queue.pop_front();
  }
  from.undelivered -= octets;
  return out;
}

void Network::deliver(SocketNumber number) {
  Socket* from = socket(number);
  if (!from) return;
  from->delivery_due = false;
  if (from->gone_silent || from->error) return;
  Socket* to = socket(from->peer);
  if (!to || to->closed) {
    // Whoever sends to a closed end is told so.
    if (from->undelivered > 0) fail(number, ECONNRESET);
    from = socket(number);  // its owner may have let it go when told
    if (from) from->finished |= from->finishing;
    return drop_if_done(number);
  }
  const std::uint64_t space =
      faults_.socket_octets_max > to->received.size() ? faults_.socket_octets_max - to->received.size() : 0;
  std::uint64_t octets = std::min({from->undelivered, space, packet_octets_max});
  if (octets > 1 && random_.chance(faults_.packet_split)) {
    ++counts_[Fault::packet_split];
    octets = random_.skewed(1, octets);
  }
  if (octets > 0) {
    to->received += cut_off(*from, octets);
    events_.after(latency(), [this, number, octets] { acknowledge(number, octets); });
  }
  if (from->undelivered == 0 && from->finishing && !from->finished) {
    from->finished = true;
    to->peer_finished = true;
  }
  if (from->undelivered > 0 && space > octets) schedule_delivery(*from);
  if ((octets > 0 || to->peer_finished) && to->on_input) to->on_input();
  drop_if_done(number);
}

void Network::acknowledge(SocketNumber number, std::uint64_t octets) {
  Socket* from = socket(number);
  if (!from || from->gone_silent || from->error) return;
  from->acknowledged += octets;
  from->last_acknowledged = events_.now();
  if (from->on_output) from->on_output();
  drop_if_done(number);
}

std::string Network::take(SocketNumber number, std::size_t octets_max) {
  Socket* at = socket(number);
  const std::size_t taken = std::min(octets_max, at->received.size());
  std::string out = at->received.substr(0, taken);
  at->received.erase(0, taken);
  if (Socket* other = socket(at->peer); other && taken > 0) schedule_delivery(*other);  // the window is open again
  return out;
}

void Network::finish_sending(SocketNumber number) {
  Socket* at = socket(number);
  if (!at->server_side && !at->closed) ++counts_[Fault::connection_half_closed];
  at->finishing = true;
  schedule_delivery(*at);
}

void Network::fail(SocketNumber number, int error) {
  Socket* at = socket(number);
  if (!at || at->error) return;
  at->error = error;
  at->queue.clear();
  at->undelivered = 0;
  if (at->on_input) at->on_input();
  at = socket(number);
  if (at && at->on_output) at->on_output();
  drop_if_done(number);
}

void Network::reset(SocketNumber number) {
  Socket* at = socket(number);
  if (!at) return;
  story_.tell(events_.now(), "socket {} is reset by its own end", number);
  if (!at->server_side) ++counts_[Fault::connection_reset];
  at->queue.clear();
  at->undelivered = 0;
  at->closed = true;
  at->finished = at->finishing = true;
  at->on_input = at->on_output = nullptr;
  if (!at->gone_silent) events_.after(latency(), [this, peer = at->peer] { fail(peer, ECONNRESET); });
  drop_if_done(number);
}

void Network::close(SocketNumber number) {
  Socket* at = socket(number);
  at->on_input = at->on_output = nullptr;
  if (at->resets_on_close || !at->received.empty()) return reset(number);
  at->closed = true;
  if (at->error) {
    at->finished = true;
    return drop_if_done(number);
  }
  finish_sending(number);
  drop_if_done(number);
}

void Network::go_silent(SocketNumber number) {
  ++counts_[Fault::connection_vanished];
  story_.tell(events_.now(), "socket {} goes silent", number);
  for (Socket* end : {socket(number), socket(socket(number)->peer)}) {
    if (!end) continue;
    end->gone_silent = true;
    if (!end->server_side) continue;
    // Retransmissions end one day.
    events_.after(retransmits_end, [this, end = end->number] {
      if (Socket* still = socket(end); still && still->unacknowledged() > 0) fail(end, ETIMEDOUT);
    });
  }
}

void Network::drop_if_done(SocketNumber number) {
  Socket* at = socket(number);
  if (!at || !at->closed) return;
  Socket* other = socket(at->peer);
  const bool done = at->gone_silent || at->error || (at->finished && at->undelivered == 0);
  if (!done) return;
  if (other && !other->closed) return;  // its end may still ask about us
  const SocketNumber peer = at->peer;
  sockets_.erase(number);
  drop_if_done(peer);
}

void Network::begin_probing(SocketNumber number) {
  Socket* at = socket(number);
  if (!at || std::exchange(at->probing, true)) return;
  events_.after(seconds(1), [this, number] { probe(number); });
}

// Keepalive: only while nothing is queued (Linux sends none otherwise).
void Network::probe(SocketNumber number) {
  Socket* at = socket(number);
  if (!at || at->closed || at->error) return;
  if (at->unacknowledged() == 0) {
    if (at->gone_silent) {
      ++counts_[Fault::probe_unanswered];
      if (++at->unanswered_probes >= probes_until_dead) return fail(number, ETIMEDOUT);
    } else {
      at->unanswered_probes = 0;
      at->last_acknowledged = events_.now();
    }
  }
  events_.after(seconds(1), [this, number] { probe(number); });
}

ring::PeerState Network::peer_state(const Socket& at) const {
  ring::PeerState state;
  state.known = true;
  state.unanswered_probes = at.unanswered_probes;
  state.since_last_ack = events_.now() - at.last_acknowledged;
  if (at.gone_silent && at.unacknowledged() > 0)
    for (Duration wait = first_retransmit; wait <= state.since_last_ack; wait = 2 * wait + first_retransmit)
      ++state.retransmits;
  return state;
}

void Network::process_died() {
  std::vector<SocketNumber> mine;
  for (const auto& [number, at] : sockets_)
    if (at->server_side && !at->closed) mine.push_back(number);
  for (const SocketNumber number : mine) close(number);
  listeners_.clear();
}

// The peers hear nothing, until the machine is back and answers their packets with resets.
void Network::machine_died() {
  listeners_.clear();
  std::vector<SocketNumber> mine;
  for (const auto& [number, at] : sockets_)
    if (at->server_side) mine.push_back(number);
  for (const SocketNumber number : mine) {
    const SocketNumber peer = socket(number)->peer;
    sockets_.erase(number);
    if (Socket* other = socket(peer); other && !other->gone_silent)
      events_.after(milliseconds(random_.below(3000)), [this, peer] { fail(peer, ECONNRESET); });
  }
}

std::size_t Network::server_sockets_open() const noexcept {
  return static_cast<std::size_t>(std::count_if(
      sockets_.begin(), sockets_.end(), [](const auto& at) { return at.second->server_side && !at.second->closed; }));
}

}  // namespace ringpost::sim
