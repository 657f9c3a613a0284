#include <utility>

#include <ringpost/sim/peer.h>

namespace ringpost::sim {

Peer::Peer(Network& network, Events& events, std::uint32_t host, std::uint16_t port)
    : network_(network), events_(events), number_(network.connect(host, port)) {
  if (!number_) {
    ended_ = reset_ = true;
    return;
  }
  Socket* mine = network_.socket(number_);
  server_end_ = mine->peer;
  mine->on_input = [this] { something_came(); };
  mine->on_output = [this] { push_out(); };
}

Peer::~Peer() {
  *alive_ = false;
  close();
}

void Peer::send(std::string_view octets) {
  if (!number_ || finishing_) return;
  unsent_ += octets;
  push_out();
}

void Peer::push_out() {
  Socket* mine = network_.socket(number_);
  if (!mine) return;
  if (mine->error) return something_came();
  while (!unsent_.empty()) {
    const std::int64_t taken = network_.send(number_, octets_of(unsent_));
    if (taken <= 0) return;
    unsent_.erase(0, static_cast<std::size_t>(taken));
  }
  if (finishing_ && !mine->finishing) network_.finish_sending(number_);
}

void Peer::finish_sending() {
  finishing_ = true;
  if (number_) push_out();
}

void Peer::reset() {
  if (number_) network_.reset(std::exchange(number_, 0));
  ended_ = true;
}

void Peer::go_silent() {
  if (number_) network_.go_silent(number_);
}

void Peer::close() {
  if (!number_ || !network_.socket(number_)) return;
  // Octets that wait for room are lost with a process; a client that cares waits for its answer before it closes.
  network_.close(std::exchange(number_, 0));
  ended_ = true;
}

bool Peer::server_closed() const noexcept {
  const Socket* other = network_.socket(server_end_);
  return !other || other->closed;
}

bool Peer::take_in() noexcept {
  grown_ = false;
  if (ended_) return true;
  Socket* mine = network_.socket(number_);
  if (!mine) {
    ended_ = reset_ = true;
    return true;
  }
  if (!mine->received.empty()) {
    unread_ += network_.take(number_, mine->received.size());
    grown_ = true;
    return true;
  }
  if (mine->error) {
    ended_ = reset_ = true;
    return true;
  }
  if (mine->peer_finished) {
    ended_ = true;
    return true;
  }
  return false;
}

void Peer::something_came() {
  if (!waiter_) return;
  events_.after({}, [this, turn = turn_, alive = alive_] {
    if (*alive) woken(turn);
  });
}

void Peer::woken(std::uint64_t turn) {
  if (!waiter_ || turn != turn_) return;
  ++turn_;
  take_in();
  std::exchange(waiter_, nullptr).resume();
}

void Peer::More::await_suspend(std::coroutine_handle<> waiter) noexcept {
  peer_.waiter_ = waiter;
  if (deadline_ == Instant::max()) return;
  peer_.events_.at(deadline_, [&peer = peer_, turn = peer_.turn_, alive = peer_.alive_] {
    if (*alive) peer.woken(turn);
  });
}

}  // namespace ringpost::sim
