#include "server.h"

#include <cerrno>

#include "client.h"

namespace ringpost::sim {

using std::chrono::milliseconds;

void StoryLog::write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) noexcept {
  bool damage = event == "store_damage";
  for (const LogField& field : fields) {
    const auto* text = std::get_if<std::string_view>(&field.value);
    if (field.key == "file" && text && text->ends_with("/index")) damage = false;  // a cache, and spoiled on purpose
  }
  if (!damage && !world_.story().told()) return;
  std::string words(event);
  for (const LogField& field : fields)
    std::visit([&](const auto& value) { words += fmt::format(" {}={}", field.key, value); }, field.value);
  if (damage) return world_.violation("damage in a world that does none: " + words);
  world_.story().line(world_.now(), words);
}

Server::Core::Core(Server& its, std::uint32_t number, std::shared_ptr<const accounts::AccountFile> accounts)
    : server(its),
      proactor(its.world_.core(number)),
      maildrops(
          std::make_unique<store::Maildrops>(proactor, its.configuration_->store, its.data_, its.log_, its.peers_)),
      authenticator(proactor, its.configuration_->accounts, std::move(accounts), its.log_),
      sessions(ring::CoreIndex{number}),
      services{proactor, *maildrops, authenticator, its.log_, sessions, session_counters, sends},
      door(*this) {}

void Server::Core::Door::completed(const ring::Completion& completion) noexcept {
  if (completion.result >= 0) {
    pop3::Accepted accepted;
    accepted.socket = static_cast<ring::Descriptor>(completion.result);
    accepted.configuration = core.server.configuration_;
    accepted.server = &core.server.configuration_->virtual_servers.front();
    ring::spawn(core.gate, pop3::serve(core.services, std::move(accepted)));
  }
  if (!completion.more && !core.server.stopping_) core.proactor.start(*this);
}

Server::Server(SimWorld& world, std::shared_ptr<const config::Configuration> configuration,
               std::shared_ptr<const accounts::AccountFile> accounts)
    : world_(world), configuration_(std::move(configuration)), log_(world), data_(world.open_folder("data")) {
  peers_.resize(world.cores());
  for (std::uint32_t core = 0; core < world.cores(); ++core) {
    cores_.push_back(std::make_unique<Core>(*this, core, accounts));
    peers_[core] = cores_.back()->maildrops.get();
  }
}

Server::~Server() = default;

ring::Task<bool> Server::start() {
  auto started = co_await cores_[0]->maildrops->start();
  if (!started) co_return false;
  for (auto& core : cores_) {
    core->door.fd = world_.listen(pop3_port);
    core->proactor.start(core->door);
  }
  co_return true;
}

namespace {

ring::Task<void> drained(store::Maildrops& maildrops, std::uint32_t& left) {
  co_await maildrops.drain();
  --left;
}

}  // namespace

ring::Task<void> Server::stop() {
  stopping_ = true;
  ring::Proactor& here = cores_[0]->proactor;
  for (auto& core : cores_) {
    if (core->door.fd == ring::no_descriptor) continue;
    core->proactor.cancel(core->door);
    while (core->door.in_flight) {
      ring::Pause pause(here, here.now() + milliseconds(10));
      co_await pause;
    }
    core->proactor.close(core->door.fd);
    core->sessions.end_all(ring::DoomReason::shutdown);
  }
  for (auto& core : cores_)
    while (core->gate.count() > 0) {
      ring::Pause pause(here, here.now() + milliseconds(10));
      co_await pause;
    }
  auto left = static_cast<std::uint32_t>(cores_.size());
  for (std::uint32_t core = 0; core < cores_.size(); ++core)
    world_.spawn(core, cores_[core]->gate, drained(*cores_[core]->maildrops, left));
  while (left > 0) {
    ring::Pause pause(here, here.now() + milliseconds(10));
    co_await pause;
  }
  here.close(data_);
}

std::uint32_t Server::sessions() const noexcept {
  std::uint32_t all = 0;
  for (const auto& core : cores_) all += core->gate.count();
  return all;
}

store::StoreCounters Server::counted() const noexcept {
  store::StoreCounters all;
  for (const auto& core : cores_) {
    const store::StoreCounters& one = core->maildrops->counters();
    all.appends += one.appends;
    all.syncs += one.syncs;
    all.skips_written += one.skips_written;
    all.updates += one.updates;
    all.messages_deleted += one.messages_deleted;
    all.compactions += one.compactions;
    all.truncations += one.truncations;
    all.takeovers += one.takeovers;
    all.opens_from_summary += one.opens_from_summary;
    all.opens_from_index += one.opens_from_index;
    all.opens_by_scan += one.opens_by_scan;
    all.damage_found += one.damage_found;
    all.failed_syncs += one.failed_syncs;
    all.failed_writes += one.failed_writes;
    all.in_use += one.in_use;
  }
  return all;
}

ring::SendCounters Server::sent() const noexcept {
  ring::SendCounters all;
  for (const auto& core : cores_) {
    all.octets_by_ring += core->sends.octets_by_ring;
    all.octets_by_sendfile += core->sends.octets_by_sendfile;
    all.octets_cold += core->sends.octets_cold;
    all.octets_gathered += core->sends.octets_gathered;
  }
  return all;
}

}  // namespace ringpost::sim
