#include "house.h"

#include <cerrno>
#include <chrono>
#include <poll.h>

#include "letter.h"

namespace ringpost::pop3 {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct OnCore final : ring::Message {
  std::function<void()> work;
  void delivered() noexcept override { work(); }
};

ring::Task<void> then_tell(std::function<ring::Task<void>()> make, std::promise<void>& done) {
  co_await make();
  done.set_value();
}

ring::Task<void> start_store(store::Maildrops& maildrops) {
  auto started = co_await maildrops.start();
  EXPECT_TRUE(started);
}

ring::Task<void> append(store::Maildrops& maildrops, std::string account, const store::Incoming& incoming) {
  auto result = co_await maildrops.append(std::move(account), incoming);
  EXPECT_TRUE(result) << store::text_of(result.error());
}

}  // namespace

House::House(HouseSettings settings)
    : configuration_(std::make_shared<config::Configuration>(std::move(settings.configuration))),
      proactor_(cores_, {&credentials_, &files_}, {}) {
  auto file = accounts::AccountFile::parse(settings.accounts, "users", true);
  EXPECT_TRUE(file) << file.error();
  maildrops_ = std::make_unique<store::Maildrops>(proactor_, configuration_->store, data_.fd(), log_, peers_);
  peers_[0] = maildrops_.get();
  authenticator_ = std::make_unique<accounts::Authenticator>(proactor_, configuration_->accounts, *file, log_);
  services_.reset(new Services{proactor_, *maildrops_, *authenticator_, log_, sessions_, counters_, sends_, &delays_});
  delay_peers_[0] = &delays_;
  thread_ = std::thread([this] { proactor_.run(); });
  run_task([this] { return start_store(*maildrops_); });
}

House::~House() {
  on_core([this] { sessions_.end_all(ring::DoomReason::shutdown); });
  EXPECT_TRUE(all_ended());
  run_task([this] { return maildrops_->drain(); });
  proactor_.stop();
  thread_.join();
  EXPECT_EQ(gate_.count(), 0U);
  EXPECT_EQ(proactor_.lent_buffers(), 0U);
  authenticator_.reset();
  maildrops_.reset();
}

void House::on_core(std::function<void()> work) {
  std::promise<void> done;
  OnCore message;
  message.work = [&] {
    work();
    done.set_value();
  };
  cores_.post_from_outside({0}, message);
  done.get_future().wait();
}

void House::run_task(std::function<ring::Task<void>()> make) {
  std::promise<void> done;
  on_core([&] { ring::spawn(gate_, then_tell(std::move(make), done)); });
  done.get_future().wait();
}

std::unique_ptr<Talker> House::enter() {
  return std::make_unique<Client>(*this);
}

ring::Descriptor House::connect() {
  ring::SocketPair pair;
  on_core([&] {
    Accepted accepted;
    accepted.socket = pair.ours;
    accepted.configuration = configuration_;
    accepted.server = &configuration_->virtual_servers.front();
    ring::spawn(gate_, serve(*services_, std::move(accepted)));
  });
  return std::exchange(pair.peer, ring::no_descriptor);
}

void House::deliver(const std::string& account, std::string_view raw) {
  const Letter letter(raw);
  run_task([&] { return append(*maildrops_, account, letter.incoming); });
}

std::uint32_t House::living() {
  std::uint32_t count = 0;
  on_core([&] { count = gate_.count(); });
  return count;
}

bool House::all_ended() {
  for (int tried = 0; tried < 700; ++tried) {
    if (living() == 0) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

Client::Client(ring::Descriptor socket) : socket_(socket) {}

Client::~Client() {
  if (socket_ >= 0) ::close(socket_);
}

void Client::send(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t put = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (put < 0) return;
    octets.remove_prefix(static_cast<std::size_t>(put));
  }
}

// 1: more is there, 0: the end, -1: reset, -2: silence.
int Client::fill() {
  pollfd wait{socket_, POLLIN, 0};
  if (::poll(&wait, 1, 10000) <= 0) return -2;
  char window[65536];
  const ssize_t got = ::recv(socket_, window, sizeof window, 0);
  if (got < 0) return -1;
  have_.append(window, static_cast<std::size_t>(got));
  return got > 0 ? 1 : 0;
}

std::string Client::line() {
  while (true) {
    if (const std::size_t end = have_.find("\r\n"); end != std::string::npos) {
      std::string line = have_.substr(0, end);
      have_.erase(0, end + 2);
      return line;
    }
    const int more = fill();
    if (more == 0) return have_.empty() ? "<end>" : "<end behind '" + have_ + "'>";
    if (more == -1) return "<reset>";
    if (more == -2) return "<silence>";
  }
}

std::string Client::octets(std::size_t count) {
  while (have_.size() < count && fill() == 1) {
  }
  std::string octets = have_.substr(0, count);
  have_.erase(0, octets.size());
  return octets;
}

std::string Client::listing() {
  std::string whole;
  while (true) {
    const std::string next = line();
    whole += next + "\r\n";
    if (next == "." || next.starts_with("<")) return whole;
  }
}

bool Client::at_end() {
  int more = 1;
  while (more == 1) more = fill();
  return more != -2;
}

void Client::finish() {
  ::shutdown(socket_, SHUT_WR);
}

void Client::reset() {
  const linger hard{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(std::exchange(socket_, -1));
}

}  // namespace ringpost::pop3
