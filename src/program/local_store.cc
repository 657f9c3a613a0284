#include "local_store.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ringpost/control/log_line.h>
#include <ringpost/ring/uring_proactor.h>
#include <ringpost/store/maildrops.h>

namespace ringpost::program {
namespace {

// What the store has to say of damage and repair belongs before the eyes of whoever runs the verb.
class StderrLog final : public EventLog {
 public:
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) noexcept override {
    if (level < LogLevel::warning) return;
    control::TakenEvent taken{{}, level, event, {}};
    for (const LogField& field : fields) taken.fields.push_back({field.key, field.value, false});
    std::string line;
    control::append_text_line(line, taken);
    const std::size_t level_at = line.find("level=");
    std::fputs(("ringpost: " + line.substr(level_at)).c_str(), stderr);
  }
};

// Told when it is there, on the thread that waits.
class StoreCall final : public control::CoreCall {
 public:
  enum class What { start, drain };
  StoreCall(What what, std::optional<std::expected<void, store::StoreError>>& result) : what_(what), result_(result) {}
  ring::Task<void> run(control::CoreServices& core) override {
    if (what_ == What::start) {
      auto started = co_await core.maildrops->start();
      done_ = started;
    } else {
      co_await core.maildrops->drain();
    }
  }
  void finished() noexcept override { result_ = done_; }

 private:
  What what_;
  std::expected<void, store::StoreError> done_;
  std::optional<std::expected<void, store::StoreError>>& result_;
};

}  // namespace

struct LocalStore::Core {
  Core(ring::Cores& cores, const config::Configuration& configuration, int data)
      : files("files", configuration.store.file_threads, configuration.store.file_queue_max),
        proactor(cores, {nullptr, &files}, {}),
        maildrops(proactor, configuration.store, data, log, peers) {
    services.proactor = &proactor;
    services.maildrops = &maildrops;
  }

  StderrLog log;
  ring::WorkerPool files;
  ring::UringProactor proactor;
  store::Maildrops* const peers[1] = {&maildrops};
  store::Maildrops maildrops;
  control::CoreServices services;
};

void LocalStore::run(const control::Identity& identity, std::promise<std::string>& started) {
  control::write_files_as(identity);
  try {
    Core core(*ring_cores_, *configuration_, data_);
    core_ = &core;
    started.set_value("");
    core.proactor.run();
  } catch (const std::exception& error) {
    started.set_value(error.what());
  }
}

std::expected<std::unique_ptr<LocalStore>, std::string> LocalStore::open(
    std::shared_ptr<const config::Configuration> configuration) {
  umask(077);
  const auto identity = control::identity_of(configuration->appliance);
  if (!identity) return std::unexpected(identity.error());
  const auto data = control::open_data_dir(configuration->appliance, *identity);
  if (!data) return std::unexpected(data.error());
  std::unique_ptr<LocalStore> store(new LocalStore(configuration, *data));
  if (!control::lock_data_dir(*data))
    return std::unexpected(
        configuration->appliance.data_dir +
        ": another process owns this data folder; if a ringpostd runs, its admin.socket must be the one in the "
        "configuration");
  store->ring_cores_ = std::make_unique<ring::Cores>(1);
  std::promise<std::string> started;
  auto failure = started.get_future();
  store->thread_ = std::thread([&store = *store, identity = *identity, &started] { store.run(identity, started); });
  if (const std::string why = failure.get(); !why.empty()) return std::unexpected(why);
  store->cores_ = std::make_unique<control::CoreSet>(*store->ring_cores_, std::vector{&store->core_->services});
  std::optional<std::expected<void, store::StoreError>> result;
  store->cores().call({0}, std::make_unique<StoreCall>(StoreCall::What::start, result));
  while (!result) store->wait();
  if (*result) return store;
  return std::unexpected(configuration->appliance.data_dir +
                         ": the store can't be opened: " + text_of(result->error()));
}

void LocalStore::wait() {
  pollfd inbox{cores_->descriptor(), POLLIN, 0};
  poll(&inbox, 1, -1);
  cores_->deliver();
}

void LocalStore::stop() {
  if (!cores_) return;
  std::optional<std::expected<void, store::StoreError>> drained;
  cores_->call({0}, std::make_unique<StoreCall>(StoreCall::What::drain, drained));
  while (!drained) wait();
  core_->proactor.stop();
}

LocalStore::~LocalStore() {
  stop();
  if (thread_.joinable()) thread_.join();
  close(data_);
}

}  // namespace ringpost::program
