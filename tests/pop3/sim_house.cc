#include "sim_house.h"

#include <gtest/gtest.h>

#include <ringpost/accounts/account_file.h>

#include "letter.h"

namespace ringpost::pop3 {
namespace {

constexpr std::uint16_t port = 110;

}  // namespace

SimHouse::SimHouse(HouseSettings settings, std::uint64_t seed)
    : world_(seed, sim::Faults::none(), 1),
      configuration_(std::make_shared<config::Configuration>(std::move(settings.configuration))) {
  world_.make_durable_folder("data");
  world_.boot();
  data_ = world_.open_folder("data");
  auto file = accounts::AccountFile::parse(settings.accounts, "users", true);
  EXPECT_TRUE(file) << file.error();
  maildrops_ = std::make_unique<store::Maildrops>(proactor(), configuration_->store, data_, log_, peers_);
  peers_[0] = maildrops_.get();
  delays_ = std::make_unique<LoginDelays>(proactor(), delay_peers_);
  delay_peers_[0] = delays_.get();
  authenticator_ = std::make_unique<accounts::Authenticator>(proactor(), configuration_->accounts, *file, log_);
  services_.reset(
      new Services{proactor(), *maildrops_, *authenticator_, log_, sessions_, counters_, sends_, delays_.get()});
  const auto started = world_.run(0, maildrops_->start());
  EXPECT_TRUE(started && *started);
  door_ = std::make_unique<Door>(*this);
  door_->fd = world_.listen(port);
  proactor().start(*door_);
}

// At rest nothing is lent, open or in flight: shut_down() tells what is.
SimHouse::~SimHouse() {
  proactor().cancel(*door_);
  sessions_.end_all(ring::DoomReason::shutdown);
  EXPECT_TRUE(world_.run_until([this] { return gate_.count() == 0 && !door_->in_flight; }, std::chrono::hours(1)));
  proactor().close(door_->fd);
  EXPECT_TRUE(world_.run(0, maildrops_->drain()));
  proactor().close(data_);
  authenticator_.reset();
  maildrops_.reset();
  world_.shut_down();
  for (const auto& violation : world_.story().violations()) ADD_FAILURE() << violation;
}

void SimHouse::Door::completed(const ring::Completion& completion) noexcept {
  if (completion.result >= 0) {
    Accepted accepted;
    accepted.socket = static_cast<ring::Descriptor>(completion.result);
    accepted.configuration = house.configuration_;
    accepted.server = &house.configuration_->virtual_servers.front();
    ring::spawn(house.gate_, serve(*house.services_, std::move(accepted)));
  }
  if (!completion.more && completion.result != -ECANCELED) house.proactor().start(*this);
}

std::unique_ptr<SimClient> SimHouse::connect(std::uint32_t host) {
  auto client = std::make_unique<SimClient>(*this, host);
  return client;
}

std::unique_ptr<Talker> SimHouse::enter() {
  return connect();
}

void SimHouse::deliver(const std::string& account, std::string_view raw) {
  const Letter letter(raw);
  const auto result = world_.run(0, maildrops_->append(account, letter.incoming));
  EXPECT_TRUE(result && *result);
}

bool SimHouse::logged(std::string_view event, std::string_view part) {
  return world_.run_until([&] { return log_.has_now(event, part); }, std::chrono::seconds(10));
}

SimClient::SimClient(SimHouse& house, std::uint32_t host)
    : house_(house), peer_(house.world().network(), house.world().events(), host, port) {}

SimClient::~SimClient() {
  peer_.close();
  house_.world().run_until([this] { return waits_.count() == 0; }, std::chrono::minutes(1));
}

ring::Task<void> SimClient::take() {
  auto more = peer_.more(house_.world().now() + patience);
  co_await more;
}

std::string SimClient::line() {
  while (true) {
    std::string& have = peer_.unread();
    if (const std::size_t end = have.find("\r\n"); end != std::string::npos) {
      std::string line = have.substr(0, end);
      have.erase(0, end + 2);
      return line;
    }
    if (peer_.ended()) {
      if (peer_.was_reset()) return "<reset>";
      return have.empty() ? "<end>" : "<end behind '" + have + "'>";
    }
    const std::size_t before = have.size();
    ring::spawn(waits_, take());
    house_.world().run_until([this] { return waits_.count() == 0; }, patience + std::chrono::seconds(1));
    if (peer_.unread().size() == before && !peer_.ended()) return "<silence>";
  }
}

}  // namespace ringpost::pop3
