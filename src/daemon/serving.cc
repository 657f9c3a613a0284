#include "serving.h"

#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <list>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>

#include <ringpost/config/settings.h>
#include <ringpost/config/units.h>
#include <ringpost/control/appliance.h>
#include <ringpost/control/log_sink.h>
#include <ringpost/control/loop.h>
#include <ringpost/control/server.h>

#include "core.h"
#include "handover.h"

namespace ringpost::daemon {
namespace {

using namespace std::chrono_literals;
using Then = std::function<void(const control::Appliance::Reloaded&)>;
using Clock = control::Loop::Clock;

constexpr auto ending_max = 5s;  // after the drain's time: for sessions to close, and for the store to come to rest

control::LogStyle style_of(const config::Log& log) {
  return {log.json, log.file.empty() && std::getenv("JOURNAL_STREAM") != nullptr, log.level};
}

class Serving final : public control::Appliance {
 public:
  Serving(Channel& channel, std::vector<std::uint32_t> cpus) : channel_(channel), cpus_(std::move(cpus)) {}
  // Throws std::runtime_error with a sentence.
  void start(Handover handover);
  int run();

  void reload(Then then) override;
  void reload_accounts(Then then) override;
  const config::Configuration& configuration() const override { return *configuration_; }
  control::LogCounters log_counters() const override { return log_->counters(); }
  PoolCounters pool_counters() const override { return {credentials_->counters(), files_->counters()}; }
  int data_dir() const override { return data_dir_; }
  double seconds_running() const override { return std::chrono::duration<double>(Clock::now() - started_).count(); }

 private:
  void start_cores();
  void start_store();
  void hear_parent();
  void take_handover();
  void refuse_handover(const std::string& reason);
  void take_configuration();
  void take_accounts();
  Plan plan_of(std::map<std::string, std::vector<int>> new_sockets);
  void answer(std::list<Then>& waiting, const Reloaded& reloaded);
  void drain();
  void drain_store();
  void end();

  Channel& channel_;
  const std::vector<std::uint32_t> cpus_;
  const Clock::time_point started_ = Clock::now();
  std::shared_ptr<const config::Configuration> configuration_;
  std::shared_ptr<const config::Configuration> first_configuration_;  // what counts until a restart
  std::shared_ptr<const accounts::AccountFile> accounts_;
  std::unique_ptr<control::LogSink> log_;
  EventLog* own_log_ = nullptr;
  std::unique_ptr<ring::WorkerPool> credentials_, files_;
  std::unique_ptr<ring::Cores> ring_cores_;
  std::vector<std::unique_ptr<Core>> cores_;
  std::vector<store::Maildrops*> maildrops_;
  std::vector<pop3::LoginDelays*> login_delays_;
  std::unique_ptr<control::CoreSet> core_set_;
  control::Loop loop_;
  std::unique_ptr<control::Server> server_;
  ConnectionCounts connections_;
  std::map<std::string, CoreContexts> tls_;  // by virtual server
  int data_dir_ = -1;
  std::map<std::string, std::vector<int>> first_listeners_;  // until the store has been opened
  Handover next_;                                            // arriving
  std::list<Then> reload_waits_, accounts_wait_;
  bool ready_ = false;
  bool draining_ = false;
  int status_ = 0;
};

void Serving::start(Handover handover) {
  auto configuration = handover.configuration();
  if (!configuration) throw std::runtime_error(configuration.error());
  configuration_ = first_configuration_ = *configuration;
  auto accounts = handover.accounts(configuration_->accounts.fold_case);
  if (!accounts) throw std::runtime_error(accounts.error());
  accounts_ = *accounts;
  data_dir_ = handover.take_data_dir();

  const int log_file = handover.take_log_file();
  log_ = std::make_unique<control::LogSink>(log_file >= 0 ? log_file : STDERR_FILENO, style_of(configuration_->log),
                                            configuration_->log.queue_octets_max);
  own_log_ = &log_->new_writer();
  start_cores();
  log_->start();

  loop_.watch(core_set_->descriptor(), POLLIN, [this](short) { core_set_->deliver(); });
  loop_.watch(channel_.descriptor(), POLLIN, [this](short) { hear_parent(); });
  server_ = std::make_unique<control::Server>(loop_, *core_set_, *this, handover.take_admin_socket(),
                                              handover.take_figures());
  auto tls = make_contexts(*configuration_, handover.certificates(), cpus_.size());
  if (!tls) throw std::runtime_error(tls.error());
  tls_ = std::move(*tls);
  first_listeners_ = handover.take_listeners();
  start_store();
}

void Serving::start_cores() {
  const config::Configuration& value = *configuration_;
  credentials_ =
      std::make_unique<ring::WorkerPool>("credentials", value.accounts.hash_threads, value.accounts.hash_queue_max);
  files_ = std::make_unique<ring::WorkerPool>("files", value.store.file_threads, value.store.file_queue_max);
  const auto count = static_cast<std::uint32_t>(cpus_.size());
  ring_cores_ = std::make_unique<ring::Cores>(count);
  maildrops_.resize(count);
  login_delays_.resize(count);
  const Core::Surroundings around{
      *ring_cores_, {credentials_.get(), files_.get()}, configuration_, accounts_, data_dir_, maildrops_,
      login_delays_};
  for (std::uint32_t at = 0; at < count; ++at)
    cores_.push_back(
        std::make_unique<Core>(around, ring::CoreIndex{at}, static_cast<int>(cpus_[at]), log_->new_writer()));
  std::vector<control::CoreServices*> services;
  for (std::uint32_t at = 0; at < count; ++at) {
    maildrops_[at] = &cores_[at]->maildrops();
    login_delays_[at] = &cores_[at]->login_delays();
    services.push_back(&cores_[at]->services());
  }
  core_set_ = std::make_unique<control::CoreSet>(*ring_cores_, std::move(services));
  for (const auto& core : cores_) core->start();
}

class StartStore final : public control::CoreCall {
 public:
  explicit StartStore(std::function<void(std::optional<store::StoreError>)> then) : then_(std::move(then)) {}
  ring::Task<void> run(control::CoreServices& core) override {
    auto started = co_await core.maildrops->start();
    if (!started) failure_ = started.error();
  }
  void finished() noexcept override { then_(failure_); }

 private:
  std::function<void(std::optional<store::StoreError>)> then_;
  std::optional<store::StoreError> failure_;
};

// Before the first connection: folders made and synced (M5). Then every core listens.
void Serving::start_store() {
  core_set_->call(
      {0}, std::make_unique<StartStore>([this](std::optional<store::StoreError> failure) {
        if (failure) {
          channel_.send(Note::failed, fmt::format("{}: the store can't be opened: {}",
                                                  configuration_->appliance.data_dir, text_of(*failure)));
          status_ = 1;
          return end();
        }
        own_log_->write(
            LogLevel::info, "started",
            {{"version", RINGPOST_VERSION}, {"cores", cpus_.size()}, {"accounts", accounts_->accounts().size()}});
        auto plan = std::make_shared<Plan>(plan_of(std::move(first_listeners_)));
        control::on_each_core(
            *core_set_,
            [this, plan](ring::CoreIndex core, control::CoreServices&) { cores_[core.value]->take_over(*plan); },
            [this] {
              ready_ = true;
              channel_.send(Note::ready);
            });
      }));
}

Plan Serving::plan_of(std::map<std::string, std::vector<int>> new_sockets) {
  Plan plan{configuration_, {}, std::move(new_sockets)};
  for (const config::VirtualServer& server : configuration_->virtual_servers) {
    if (!server.enabled) continue;
    const auto shown = tls_.find(server.name);
    const CoreContexts tls = shown == tls_.end() ? CoreContexts() : shown->second;
    for (const config::Endpoint& endpoint : server.pop3)
      plan.places.push_back({config::show_endpoint(endpoint), &server, &connections_[server.name], tls, false});
    for (const config::Endpoint& endpoint : server.pop3s)
      plan.places.push_back({config::show_endpoint(endpoint), &server, &connections_[server.name], tls, true});
  }
  return plan;
}

void Serving::reload(Then then) {
  reload_waits_.push_back(std::move(then));
  channel_.send(Note::reload_wanted);
}

void Serving::reload_accounts(Then then) {
  accounts_wait_.push_back(std::move(then));
  channel_.send(Note::accounts_wanted);
}

void Serving::answer(std::list<Then>& waiting, const Reloaded& reloaded) {
  for (const Then& then : std::exchange(waiting, {})) then(reloaded);
}

void Serving::hear_parent() {
  auto message = channel_.receive();
  if (!message) _exit(1);  // the parent is gone, and so are we in a moment
  switch (message->note) {
    case Note::commit:
      return take_handover();
    case Note::refused:
      next_ = Handover();
      own_log_->write(LogLevel::error, "reload_refused", {{"reason", message->text}});
      answer(reload_waits_, {message->text, {}});
      return answer(accounts_wait_, {message->text, {}});
    case Note::drain:
      return drain();
    default:
      return next_.add(std::move(*message));
  }
}

void Serving::take_handover() {
  if (next_.lacks_descriptors())
    refuse_handover("too many connections: no descriptor is left to take anything over");
  else if (next_.has_configuration())
    take_configuration();
  else
    take_accounts();
  next_ = Handover();
}

void Serving::refuse_handover(const std::string& reason) {
  if (!next_.has_configuration()) {
    own_log_->write(LogLevel::error, "accounts_refused", {{"reason", reason}});
    return answer(accounts_wait_, {reason, {}});
  }
  own_log_->write(LogLevel::error, "reload_refused", {{"reason", reason}});
  channel_.send(Note::not_taken, reason);
  answer(reload_waits_, {reason, {}});
}

void Serving::take_accounts() {
  auto accounts = next_.accounts(first_configuration_->accounts.fold_case);
  if (!accounts) return refuse_handover(accounts.error());
  accounts_ = *accounts;
  control::on_each_core(
      *core_set_,
      [file = accounts_](ring::CoreIndex, control::CoreServices& core) { core.authenticator->replace(file); },
      [this] { answer(accounts_wait_, {}); });
}

// All of it or nothing: what can be wrong is looked at before anything changes.
void Serving::take_configuration() {
  auto configuration = next_.configuration();
  auto accounts = next_.accounts(first_configuration_->accounts.fold_case);
  if (!configuration || !accounts) return refuse_handover(configuration ? accounts.error() : configuration.error());
  auto tls = make_contexts(**configuration, next_.certificates(), cpus_.size());
  if (!tls) return refuse_handover(tls.error());
  tls_ = std::move(*tls);
  configuration_ = *configuration;
  accounts_ = *accounts;
  Reloaded reloaded;
  for (const std::string& key : config::changes_for_restart(*first_configuration_, *configuration_))
    reloaded.remarks.push_back(fmt::format("{} counts only after a restart", key));
  const int log_file = next_.take_log_file();
  log_->reopen(log_file >= 0 ? log_file : STDERR_FILENO, style_of(configuration_->log));
  auto plan = std::make_shared<Plan>(plan_of(next_.take_listeners()));
  control::on_each_core(
      *core_set_,
      [this, plan, file = accounts_](ring::CoreIndex core, control::CoreServices& services) {
        services.authenticator->replace(file);
        cores_[core.value]->take_over(*plan);
      },
      [this, reloaded] {
        own_log_->write(LogLevel::info, "reloaded",
                        {{"accounts", accounts_->accounts().size()}, {"remarks", reloaded.remarks.size()}});
        channel_.send(Note::taken);
        answer(reload_waits_, reloaded);
      });
}

class DrainSessions final : public control::CoreCall {
 public:
  DrainSessions(Core& core, Duration patience, std::shared_ptr<std::function<void()>> then)
      : core_(core), patience_(patience), then_(std::move(then)) {}
  ring::Task<void> run(control::CoreServices&) override { return core_.drain_sessions(patience_); }
  void finished() noexcept override { (*then_)(); }

 private:
  Core& core_;
  Duration patience_;
  std::shared_ptr<std::function<void()>> then_;
};

class DrainStore final : public control::CoreCall {
 public:
  explicit DrainStore(std::shared_ptr<std::function<void()>> then) : then_(std::move(then)) {}
  ring::Task<void> run(control::CoreServices& core) override { return core.maildrops->drain(); }
  void finished() noexcept override { (*then_)(); }

 private:
  std::shared_ptr<std::function<void()>> then_;
};

// Told once a core; the last one goes on.
std::shared_ptr<std::function<void()>> after_all(std::size_t count, std::function<void()> then) {
  return std::make_shared<std::function<void()>>([left = count, then = std::move(then)]() mutable {
    if (--left == 0) then();
  });
}

void Serving::drain() {
  if (std::exchange(draining_, true)) return;
  own_log_->write(LogLevel::info, "draining", {});
  answer(reload_waits_, {"the daemon is stopping", {}});
  answer(accounts_wait_, {"the daemon is stopping", {}});
  server_->close();
  const auto patience = configuration_->appliance.drain_timeout;
  loop_.at(Clock::now() + patience + ending_max, [this] {
    own_log_->write(LogLevel::warning, "drain_cut_short", {});
    log_->stop();
    _exit(0);
  });
  auto then = after_all(cores_.size(), [this] { drain_store(); });
  for (std::uint32_t at = 0; at < cores_.size(); ++at)
    core_set_->call({at}, std::make_unique<DrainSessions>(*cores_[at], patience, then));
}

// Only when no core has a session or a request of ours left: a maildrop's owner may be another core.
void Serving::drain_store() {
  if (server_->busy()) return loop_.at(Clock::now() + 20ms, [this] { drain_store(); });
  auto then = after_all(cores_.size(), [this] { end(); });
  for (std::uint32_t at = 0; at < cores_.size(); ++at) core_set_->call({at}, std::make_unique<DrainStore>(then));
}

void Serving::end() {
  loop_.stop();
}

int Serving::run() {
  loop_.run();
  for (const auto& core : cores_) core->stop();
  own_log_->write(LogLevel::info, "stopped", {{"seconds", static_cast<long>(seconds_running())}});
  log_->stop();
  return status_;
}

}  // namespace

int serve_as_child(Channel& channel, const std::vector<std::uint32_t>& cpus) {
  Handover first;
  while (true) {
    auto message = channel.receive();
    if (!message) return 1;
    if (message->note == Note::commit) break;
    first.add(std::move(*message));
  }
  if (first.lacks_descriptors()) {
    channel.send(Note::failed, "the limit of open files is too low to begin with");
    return 1;
  }
  // Never destroyed: the process ends with it, and a core that could not come to rest must not hold that up.
  auto* serving = new Serving(channel, cpus);
  try {
    serving->start(std::move(first));
  } catch (const std::exception& error) {
    channel.send(Note::failed, error.what());
    return 1;
  }
  return serving->run();
}

}  // namespace ringpost::daemon
