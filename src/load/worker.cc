#include "worker.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <time.h>
#include <unistd.h>

#include <ringpost/base/ensure.h>

namespace ringpost::load {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t buffer_octets = 256 * 1024;
constexpr Duration sweep_every = 250ms;
constexpr Duration wait_max = 250ms;
constexpr Duration pause_after_failure = 10ms;  // so that a server that refuses everybody is not hammered

}  // namespace

Instant monotonic_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
}

Worker::Worker(Run& run, std::size_t index)
    : run_(run), options_(run.options), index_(index), random_(options_.seed + index), buffer_(buffer_octets) {
  auto threads = options_.threads;
  for (auto i = index; i < options_.accounts.size(); i += threads) accounts_.push_back(i);
  turns_.resize(accounts_.size());
  for (std::size_t i = 0; i < accounts_.size(); ++i) free_accounts_.push_back(i);
  auto share = options_.connections / threads + (index < options_.connections % threads ? 1 : 0);
  for (std::size_t i = 0; i < share; ++i) {
    connections_.push_back(std::make_unique<Connection>(options_.plan, tally_));
    free_connections_.push_back(connections_.back().get());
  }
  if (options_.rate)
    schedule_.emplace(*options_.rate / static_cast<double>(threads), options_.arrivals, options_.seed + index,
                      static_cast<double>(index) / static_cast<double>(threads));
  end_ = options_.duration > 0ns ? run.start + options_.duration : Instant::max();
  next_sweep_ = run.start + sweep_every;
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Worker::~Worker() {
  for (auto& connection : connections_)
    if (connection->fd >= 0) close(connection->fd);
  close(epoll_);
}

void Worker::pin() const {
  if (options_.cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(options_.cpus[index_ % options_.cpus.size()]), &set);
  sched_setaffinity(0, sizeof set, &set);
}

void Worker::run() {
  pin();
  std::array<epoll_event, 256> events;
  while (true) {
    auto now = monotonic_now();
    begin_due(now);
    if (now >= next_sweep_) sweep(now);
    if (active_ == 0 && !may_begin(now)) break;
    auto wait = wait_time(now).count();
    timespec timeout{.tv_sec = wait / 1'000'000'000, .tv_nsec = wait % 1'000'000'000};
    auto count = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
      auto& event = events[static_cast<std::size_t>(i)];
      handle(*static_cast<Connection*>(event.data.ptr), event.events);
    }
  }
  for (std::size_t i = 0; i < backlog_.size(); ++i) tally_.fail(Failure::unserved, "due, but never begun");
  ended_ = monotonic_now();
}

// Stopped, or as many sessions have begun as should.
bool Worker::is_over() const {
  if (run_.stop.load(std::memory_order_relaxed)) return true;
  return options_.sessions && run_.begun.load(std::memory_order_relaxed) >= *options_.sessions;
}

bool Worker::may_begin(Instant now) const {
  if (is_over()) return false;
  return now < end_ || (!backlog_.empty() && now < end_ + options_.timeout);
}

Duration Worker::wait_time(Instant now) const {
  auto until = std::min(now + wait_max, next_sweep_);
  if (schedule_ && may_begin(now)) until = std::min(until, run_.start + schedule_->next_due());
  if (end_ > now) until = std::min(until, end_);
  if (retry_after_ > now) until = std::min(until, retry_after_);
  return std::max(until - now, Duration{0});
}

void Worker::begin_due(Instant now) {
  if (schedule_) {
    // All that fell due, also where this thread comes late, after the end: an arrival left out would look like none.
    auto due = [this] { return run_.start + schedule_->next_due(); };
    for (; due() <= now && due() < end_ && !is_over(); schedule_->take()) backlog_.push_back(due());
    tally_.backlog_max = std::max<std::uint64_t>(tally_.backlog_max, backlog_.size());
    while (!backlog_.empty() && may_begin(now) && begin_one(backlog_.front(), now)) backlog_.pop_front();
  } else {
    while (may_begin(now) && begin_one(now, now)) continue;
  }
}

bool Worker::take_ticket() {
  if (!options_.sessions) return true;
  if (run_.begun.fetch_add(1, std::memory_order_relaxed) < *options_.sessions) return true;
  return false;
}

bool Worker::begin_one(Instant due, Instant now) {
  if (free_connections_.empty() || opening_ >= options_.opening || now < retry_after_) return false;
  if (free_accounts_.empty() && !options_.shared_accounts) return false;
  if (!take_ticket()) return false;
  auto& connection = *free_connections_.back();
  free_connections_.pop_back();
  if (options_.shared_accounts) {
    connection.account = random_() % accounts_.size();
  } else {
    connection.account = free_accounts_.front();
    free_accounts_.pop_front();
  }
  open(connection, due, now);
  return true;
}

void Worker::open(Connection& connection, Instant due, Instant now) {
  auto turn = turns_[connection.account]++;
  auto download = options_.plan.scenario == Scenario::download;
  if (options_.plan.scenario == Scenario::mixed)
    download = std::uniform_real_distribution<>{}(random_) < options_.plan.download_share;
  connection.dialogue.begin(options_.accounts[accounts_[connection.account]], turn, download, due);
  connection.last_heard = now;
  connection.opening = true;
  connection.wants_to_write = false;
  ++active_;
  ++opening_;
  auto& address = options_.address;
  connection.fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connection.fd < 0) return lose(connection, Failure::connect, std::strerror(errno));
  int one = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  auto result = connect(connection.fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length);
  if (result != 0 && errno != EINPROGRESS) return lose(connection, Failure::connect, std::strerror(errno));
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
  ensure(epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) == 0);
}

void Worker::handle(Connection& connection, std::uint32_t events) {
  if (connection.fd < 0) return;
  if ((events & EPOLLOUT) && connection.wants_to_write) flush(connection);
  if (connection.fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && receive(connection)) follow(connection);
}

// Takes what has come. False when the connection is gone.
bool Worker::receive(Connection& connection) {
  while (true) {
    auto got = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    auto& dialogue = connection.dialogue;
    if (got < 0) {
      auto kind = dialogue.awaited() == step_names[0] ? Failure::connect : Failure::closed;
      lose(connection, kind, fmt::format("{}: {}", dialogue.awaited(), std::strerror(errno)));
      return false;
    }
    if (got == 0) {
      if (dialogue.state() == Dialogue::State::ended)
        finish(connection);
      else
        lose(connection, Failure::closed, fmt::format("the server closed, awaited was {}", dialogue.awaited()));
      return false;
    }
    auto now = monotonic_now();
    connection.last_heard = now;
    tally_.octets_received.add(static_cast<std::uint64_t>(got));
    if (dialogue.feed({buffer_.data(), static_cast<std::size_t>(got)}, now) == Dialogue::State::failed) {
      lose(connection, Failure{}, {});
      return false;
    }
    if (static_cast<std::size_t>(got) < buffer_.size()) return true;
  }
}

// What the dialogue wants after octets have come: sending, room for another one that opens, leaving.
void Worker::follow(Connection& connection) {
  if (connection.opening && connection.dialogue.is_logged_in()) {
    connection.opening = false;
    --opening_;
  }
  if (leaving_ && connection.dialogue.state() == Dialogue::State::holding) connection.dialogue.leave(monotonic_now());
  if (!connection.dialogue.output().empty()) flush(connection);
}

void Worker::flush(Connection& connection) {
  auto& output = connection.dialogue.output();
  auto sent = send(connection.fd, output.data(), output.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return lose(connection, Failure::closed, std::strerror(errno));
  if (sent > 0) {
    tally_.octets_sent += static_cast<std::uint64_t>(sent);
    output.erase(0, static_cast<std::size_t>(sent));
  }
  if (connection.wants_to_write == output.empty()) watch(connection, !output.empty());
}

void Worker::watch(Connection& connection, bool write) {
  connection.wants_to_write = write;
  epoll_event event{.events = write ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.ptr = &connection}};
  ensure(epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event) == 0);
}

// Ends a session that failed; one whose dialogue failed is in the tally already.
void Worker::lose(Connection& connection, Failure kind, std::string_view words) {
  if (connection.dialogue.state() != Dialogue::State::failed) tally_.fail(kind, words);
  if (run_.failures.fetch_add(1, std::memory_order_relaxed) + 1 >= options_.failures_max) run_.stop = true;
  retry_after_ = monotonic_now() + pause_after_failure;
  finish(connection);
}

void Worker::finish(Connection& connection) {
  if (connection.fd >= 0) close(connection.fd);
  connection.fd = -1;
  if (connection.opening) --opening_;
  connection.opening = false;
  --active_;
  if (!options_.shared_accounts) free_accounts_.push_back(connection.account);
  free_connections_.push_back(&connection);
}

// Now and then: silence that lasted too long, and idle sessions at the end of their time.
void Worker::sweep(Instant now) {
  next_sweep_ = now + sweep_every;
  for (auto& connection : connections_) {
    if (connection->fd < 0 || connection->dialogue.state() == Dialogue::State::holding) continue;
    if (now - connection->last_heard < options_.timeout) continue;
    if (connection->dialogue.state() == Dialogue::State::ended)
      lose(*connection, Failure::timed_out, "not closed after QUIT");
    else
      lose(*connection, Failure::timed_out, fmt::format("no octet, awaited was {}", connection->dialogue.awaited()));
  }
  if (options_.plan.scenario == Scenario::idle && !leaving_ && (now >= end_ || run_.stop)) leave_all(now);
}

void Worker::leave_all(Instant now) {
  leaving_ = true;
  for (auto& connection : connections_) {
    if (connection->fd < 0 || connection->dialogue.state() != Dialogue::State::holding) continue;
    connection->last_heard = now;
    connection->dialogue.leave(now);
    flush(*connection);
  }
}

}  // namespace ringpost::load
