#include <fcntl.h>

#include <ringpost/sim/world.h>

namespace ringpost::sim {

void keep_remains(std::shared_ptr<void> remains) {
  static auto* all = new std::vector<std::shared_ptr<void>>;
  all->push_back(std::move(remains));
}

SimWorld::SimWorld(std::uint64_t seed, const Faults& faults, std::uint32_t cores)
    : faults_(faults),
      random_(seed),
      chance_(random_.branch()),
      cores_(cores),
      events_(random_.branch()),
      disk_(random_.branch(), faults_, counts_, story_),
      network_(random_.branch(), events_, faults_, counts_, story_) {}

SimWorld::~SimWorld() {
  if (process_) keep_remains(std::shared_ptr<Process>(std::move(process_)));
}

void SimWorld::boot() {
  ensure(!process_);
  process_ = std::make_unique<Process>(++lives_);
  for (std::uint32_t core = 0; core < cores_; ++core)
    process_->cores.push_back(std::make_unique<SimProactor>(*this, *process_, core));
  story_.note(lives_);
  story_.tell(now(), "a process begins, its life is {}", lives_);
}

void SimWorld::die(Death how) {
  ensure(process_ != nullptr);
  for (auto& core : process_->cores) core->effects_at_death(how == Death::machine);
  events_.end_life(lives_);
  if (how == Death::machine) {
    ++counts_[Fault::machine_crash];
    story_.tell(now(), "THE MACHINE CRASHES");
    network_.machine_died();
    disk_.crash();
  } else {
    ++counts_[Fault::process_death];
    story_.tell(now(), "THE PROCESS DIES");
    network_.process_died();
    disk_.process_died();
  }
  keep_remains(std::shared_ptr<Process>(std::move(process_)));
  death_at_.reset();
}

void SimWorld::kill_process() {
  die(Death::process);
}
void SimWorld::crash_machine() {
  die(Death::machine);
}

void SimWorld::death_after(std::uint64_t events, Death how) noexcept {
  death_at_ = events_.handled() + events;
  death_ = how;
}

void SimWorld::shut_down() {
  std::uint32_t core = 0;
  for (auto& at : process_->cores) {
    if (at->operations_in_flight())
      violation(fmt::format("core {} ends with {} operations in flight", core, at->operations_in_flight()));
    if (at->timers_armed()) violation(fmt::format("core {} ends with {} timers armed", core, at->timers_armed()));
    if (at->buffers_lent()) violation(fmt::format("core {} ends with {} buffers lent", core, at->buffers_lent()));
    ++core;
  }
  if (process_->open_descriptors())
    violation(fmt::format("the process ends with {} descriptors open", process_->open_descriptors()));
  if (process_->mappings()) violation(fmt::format("the process ends with {} mappings", process_->mappings()));
  events_.end_life(lives_);
  network_.process_died();
  disk_.process_died();
  keep_remains(std::shared_ptr<Process>(std::move(process_)));
  death_at_.reset();
}

ring::Descriptor SimWorld::open_folder(std::string_view path) {
  DescriptorEntry entry;
  entry.kind = DescriptorEntry::Kind::folder;
  entry.name = path;
  const double fails = std::exchange(faults_.open_fails, 0);
  const std::int64_t opened = disk_.open(Disk::root, path, O_RDONLY | O_DIRECTORY, 0, entry.file);
  faults_.open_fails = fails;
  ensure(opened == 0);
  return process_->add(std::move(entry));
}

void SimWorld::make_durable_folder(std::string_view path) {
  const double fails = std::exchange(faults_.folder_sync_fails, 0);
  const auto slash = path.rfind('/');
  const InodeNumber parent = slash == std::string_view::npos ? Disk::root : disk_.find(path.substr(0, slash));
  ensure(parent != 0);
  ensure(disk_.make_folder(Disk::root, path, 0700) == 0);
  OpenFile folder{parent, 0};
  ensure(disk_.sync_folder(folder) == 0);
  faults_.folder_sync_fails = fails;
}

ring::Descriptor SimWorld::listen(std::uint16_t port) {
  DescriptorEntry entry;
  entry.kind = DescriptorEntry::Kind::listener;
  entry.listener = network_.listen(port);
  entry.name = "listener";
  return process_->add(std::move(entry));
}

bool SimWorld::step(Instant until) {
  if (process_ && death_at_ && events_.handled() >= *death_at_) {
    die(death_);
    return false;
  }
  if (!events_.step(until)) return false;
  if (process_) watch_cores();
  return true;
}

void SimWorld::watch_cores() {
  for (auto& core : process_->cores) {
    if (!core->sleeps_on_messages() || lost_wake_up_told_) continue;
    lost_wake_up_told_ = true;
    violation(fmt::format("core {} sleeps on a non-empty queue", core->core().value));
  }
}

void SimWorld::spawn(std::uint32_t core, ring::Gate& gate, ring::Task<void> task) {
  // The gate counts it from now on, though it starts in a turn of its core.
  gate.enter();
  auto held = std::make_shared<ring::Task<void>>(std::move(task));
  this->core(core).run_soon([held, &gate] {
    ring::spawn(gate, std::move(*held));
    gate.leave();
  });
}

bool SimWorld::run(std::uint32_t core, ring::Task<void> task, Duration at_most) {
  auto gate = std::make_shared<ring::Gate>();
  auto done = std::make_shared<bool>(false);
  spawn(core, *gate, detail::into(std::move(task), done));
  run_until([&] { return *done; }, at_most);
  if (!*done) keep_remains(gate);
  return *done;
}

Duration SimWorld::disk_latency() {
  return faults_.disk_latency_min +
         Duration(random_.below(static_cast<std::uint64_t>(faults_.disk_latency_mean.count()) * 2 + 1));
}

void SimWorld::after_file_operation() {
  if (random_.chance(faults_.write_back))
    events_.after(std::chrono::microseconds(random_.below(2000)), [this] { disk_.write_back_some(); });
  if (random_.chance(faults_.evict))
    events_.after(std::chrono::microseconds(random_.below(2000)), [this] { disk_.evict_some(); });
}

}  // namespace ringpost::sim
