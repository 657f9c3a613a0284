#include "admin_connection.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ringpost::control {
namespace {

constexpr std::size_t line_octets_max = 64 << 10;
constexpr std::size_t receive_octets = 256 << 10;
constexpr std::size_t outgoing_octets_max = 1 << 20;
constexpr std::size_t appends_max = 256;
constexpr std::size_t append_octets_max = 16 << 20;
constexpr auto stuck_at_the_end_max = std::chrono::seconds(2);

}  // namespace

AdminConnection::AdminConnection(const Surroundings& around, int socket, ring::CoreIndex core,
                                 std::function<void()> gone)
    : around_(around), socket_(socket), core_(core), gone_(std::move(gone)) {}

AdminConnection::~AdminConnection() {
  ::close(socket_);
}

void AdminConnection::start() {
  around_.loop.watch(socket_, POLLIN, [self = shared_from_this()](short events) { self->ready(events); });
}

void AdminConnection::close() {
  closing_ = true;
  end_if_done();
  if (gone_) end_if_stuck(taken_);
}

// A client that takes nothing of its answer must not hold up the daemon's end.
void AdminConnection::end_if_stuck(std::uint64_t taken_before) {
  around_.loop.at(Loop::Clock::now() + stuck_at_the_end_max, [weak = weak_from_this(), taken_before] {
    const auto self = weak.lock();
    if (!self || !self->gone_) return;
    if (self->taken_ != taken_before || self->outgoing_.empty()) return self->end_if_stuck(self->taken_);
    self->peer_gone_ = true;
    self->end_if_done();
  });
}

void AdminConnection::ready(short events) {
  const auto self = shared_from_this();  // it may take itself off the loop
  if (events & POLLOUT) send();
  if (events & POLLIN)
    receive();
  else if (events & (POLLHUP | POLLERR))
    peer_gone_ = true;  // both ways are closed, and nothing was left to read
  go_on();
  end_if_done();
}

// Reading stops while enough is under way; what the client sends meanwhile waits in its socket.
void AdminConnection::update_watch() {
  // poll() would tell of a hang-up again and again while something is under way.
  if (peer_gone_) return around_.loop.unwatch(socket_);
  short events = 0;
  const bool full =
      appends_ >= appends_max || append_octets_ >= append_octets_max || outgoing_.size() >= outgoing_octets_max;
  if (!peer_finished_ && !closing_ && !busy_ && !full) events |= POLLIN;
  if (!outgoing_.empty()) events |= POLLOUT;
  around_.loop.change(socket_, events);
}

void AdminConnection::receive() {
  const std::size_t had = received_.size();
  received_.resize(had + receive_octets);
  ssize_t got = 0;
  do got = recv(socket_, received_.data() + had, receive_octets, MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  received_.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got == 0) peer_finished_ = true;
  if (got < 0 && errno != EAGAIN) peer_gone_ = true;
}

void AdminConnection::go_on() {
  while (!busy_ && !closing_) {
    if (arriving_) {
      if (!take_stream()) break;
      continue;
    }
    const std::size_t end = received_.find('\n');
    if (end == std::string::npos) {
      if (received_.size() > line_octets_max) {
        refuse("a request line has 64 KiB at most");
        closing_ = true;
      }
      break;
    }
    const std::string line = received_.substr(0, end);
    received_.erase(0, end + 1);
    take_line(line);
  }
  send();
}

// false: the stream's next octets are not there yet.
bool AdminConnection::take_stream() {
  const std::size_t taken = static_cast<std::size_t>(std::min<std::uint64_t>(arriving_left_, received_.size()));
  Octets rest = octets_of(std::string_view(received_).substr(0, taken));
  if (arriving_->spooled < 0) {
    arriving_->wire.append(text_of(rest));
    rest = {};
  }
  while (!rest.empty()) {
    const ssize_t written = write(arriving_->spooled, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      refuse(std::string("the message can't be kept on its way: ") + std::strerror(errno), arriving_id_);
      closing_ = true;
      return false;
    }
    rest = rest.subspan(static_cast<std::size_t>(written));
  }
  received_.erase(0, taken);
  arriving_left_ -= taken;
  if (arriving_left_ > 0) return false;
  append();
  return true;
}

void AdminConnection::reply(const Json& answer) {
  outgoing_ += answer.dump(-1, ' ', false, Json::error_handler_t::replace);
  outgoing_ += '\n';
}

void AdminConnection::refuse(const std::string& error, const Json& id) {
  Json answer{{"ok", false}, {"error", error}};
  if (!id.is_null()) answer["id"] = id;
  reply(answer);
}

void AdminConnection::answered() {
  busy_ = false;
  go_on();
  end_if_done();
}

void AdminConnection::send() {
  std::size_t at = 0;
  while (at < outgoing_.size()) {
    const ssize_t sent = ::send(socket_, outgoing_.data() + at, outgoing_.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) {
      peer_gone_ = true;
      at = outgoing_.size();
      break;
    }
    at += static_cast<std::size_t>(sent);
    taken_ += static_cast<std::uint64_t>(sent);
    taken_at_ = Loop::Clock::now();
  }
  outgoing_.erase(0, at);
  update_watch();
}

// A client that is gone, has finished, or that we end: when nothing of it is left on any core.
void AdminConnection::end_if_done() {
  if (!peer_gone_ && !((closing_ || peer_finished_) && outgoing_.empty())) return;
  if (busy_ || appends_ > 0 || !gone_) return;
  if (reader_) return close_reader();
  around_.loop.unwatch(socket_);
  std::exchange(gone_, nullptr)();
}

}  // namespace ringpost::control
