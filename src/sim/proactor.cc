// The core itself: turns, completions, timers, messages.
#include <algorithm>
#include <cerrno>

#include <ringpost/sim/proactor.h>
#include <ringpost/sim/world.h>

namespace ringpost::sim {

using ring::OpKind;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {
constexpr std::uint32_t jobs_waiting_max = 64;
constexpr std::int64_t world_begins_us = 1'700'000'000'000'000;
}  // namespace

SimProactor::SimProactor(SimWorld& world, Process& process, std::uint32_t core)
    : world_(world), process_(process), core_(core), wheel_(world.now()) {
  const Faults& faults = world.faults();
  buffers_.resize(faults.lent_buffers, std::vector<std::byte>(faults.lent_buffer_octets));
  for (std::uint16_t buffer = 0; buffer < buffers_.size(); ++buffer) buffers_free_.push_back(buffer);
  wake();  // its first turn, in which it may fall asleep
}

SimProactor::~SimProactor() = default;

std::uint32_t SimProactor::cores() const noexcept {
  return world_.cores();
}
Instant SimProactor::now() const noexcept {
  return world_.now();
}
WallTime SimProactor::wall() const noexcept {
  return {world_begins_us + world_.now().time_since_epoch().count() / 1000};
}
void SimProactor::fill_random(MutableOctets octets) noexcept {
  world_.chance_.fill(octets);
}

void SimProactor::after(Duration wait, Events::Action action) {
  world_.events().after(wait, std::move(action), process_.life());
}

void SimProactor::wake() noexcept {
  if (turn_due_) return;
  turn_due_ = true;
  after(Duration(world_.random().below(3000)), [this] { turn(); });
}

void SimProactor::wake_at(std::optional<Instant> due) {
  if (!due || (wakes_at_ && *wakes_at_ <= *due && *wakes_at_ > now())) return;
  wakes_at_ = due;
  world_.events().at(*due, [this] { wake(); }, process_.life());
}

// One thing a turn, so that anything may come between two of them.
void SimProactor::turn() {
  turn_due_ = false;
  if (std::exchange(asleep_, false)) queue_.woken();
  const auto due = wheel_.next_due();
  const bool things[] = {!queue_.empty(), !soon_.empty(), !ready_.empty(), due && *due <= now()};
  const auto many = std::count(std::begin(things), std::end(things), true);
  if (many > 0) {
    auto choice = static_cast<std::ptrdiff_t>(world_.random().below(static_cast<std::uint64_t>(many)));
    std::size_t kind = 0;
    while (!things[kind] || choice-- > 0) ++kind;
    if (kind == 0) {
      queue_.deliver_all();
    } else if (kind == 1) {
      auto action = std::move(soon_.front());
      soon_.pop_front();
      action();
    } else if (kind == 2) {
      Ready ready = ready_.front();
      ready_.pop_front();
      handle(ready);
    } else {
      wheel_.advance(now());
    }
  }
  const auto next = wheel_.next_due();
  if (!soon_.empty() || !ready_.empty() || (next && *next <= now())) return wake();
  if (!queue_.fall_asleep()) return wake();
  asleep_ = true;
  wake_at(next);
}

void SimProactor::run_soon(Events::Action action) {
  soon_.push_back(std::move(action));
  wake();
}

bool SimProactor::sleeps_on_messages() const noexcept {
  return asleep_ && !turn_due_ && queue_.waiting();
}

void SimProactor::handle(Ready ready) {
  ring::Operation* operation = table_.find(ready.tag);
  if (!operation) return;  // late, and whoever waited is gone
  world_.story().note(static_cast<std::uint64_t>(operation->kind) << 8 | core_);
  world_.story().note(static_cast<std::uint64_t>(ready.completion.result));
  if (!ready.completion.more) {
    if (DescriptorEntry* entry = process_.find(operation->fd); entry && operation->fd >= 0) --entry->in_flight;
    table_.leave(*operation);
    if (world_.random().chance(world_.faults().late_completion)) {
      ++world_.counts()[Fault::late_completion];
      after(microseconds(world_.random().below(2000)),
            [this, tag = ready.tag] { complete(tag, world_.random().chance(0.5) ? -EIO : 1); });
    }
  }
  operation->completed(ready.completion);
}

void SimProactor::complete(std::uint64_t tag, ring::Completion completion) {
  ready_.push_back({tag, completion});
  wake();
}

void SimProactor::end(std::uint64_t tag, std::int64_t result) {
  if (armed_.erase(tag)) complete(tag, result);
}

void SimProactor::start(ring::Operation& operation) noexcept {
  const std::uint64_t tag = table_.enter(operation);
  const bool needs_descriptor = operation.kind != OpKind::job && operation.kind != OpKind::next_turn;
  if (needs_descriptor) {
    DescriptorEntry* entry = process_.find(operation.fd);
    if (!entry) {
      world_.violation("an operation on a descriptor that is not open");
      return complete(tag, -EBADF);
    }
    ++entry->in_flight;
  }
  switch (operation.kind) {
    case OpKind::accept:
      return start_accept(operation, tag);
    case OpKind::receive:
      return start_receive(operation, tag);
    case OpKind::send:
    case OpKind::wait_writable:
      return start_output(operation, tag);
    case OpKind::connect:
      return start_connect(operation, tag);
    case OpKind::next_turn:
      return complete(tag, std::int64_t{0});
    case OpKind::job: {
      auto& waiting = process_.jobs_waiting[static_cast<std::size_t>(static_cast<ring::Job&>(operation).pool)];
      if (waiting >= jobs_waiting_max || world_.random().chance(world_.faults().pool_full)) {
        ++world_.counts()[Fault::pool_full];
        return complete(tag, -EBUSY);
      }
      ++waiting;
      return after(microseconds(world_.random().between(5, 3000)), [this, tag] { run_job(tag); });
    }
    default:
      return start_file(operation, tag);
  }
}

void SimProactor::run_job(std::uint64_t tag) {
  auto& job = static_cast<ring::Job&>(*table_.find(tag));
  --process_.jobs_waiting[static_cast<std::size_t>(job.pool)];
  complete(tag, job.blocking_run());
}

// A wish: it comes in time, or it does not.
void SimProactor::cancel(ring::Operation& operation) noexcept {
  if (!operation.in_flight) return;
  const std::uint64_t tag = table_.tag_of(operation);
  after(Duration(world_.random().below(20'000)), [this, tag] {
    end(tag, -ECANCELED);
    if (effects_to_come_.contains(tag) && world_.random().chance(0.3)) {
      effects_to_come_.erase(tag);
      complete(tag, -ECANCELED);
    }
  });
}

void SimProactor::return_buffer(std::uint16_t buffer) noexcept {
  ensure(std::find(buffers_free_.begin(), buffers_free_.end(), buffer) == buffers_free_.end());
  std::fill(buffers_[buffer].begin(), buffers_[buffer].end(), std::byte{0xdd});  // whoever still looks sees rubbish
  buffers_free_.push_back(buffer);
}

std::uint32_t SimProactor::buffers_lent() const noexcept {
  return static_cast<std::uint32_t>(buffers_.size() - buffers_free_.size());
}

void SimProactor::arm(ring::Timer& timer, Instant due) noexcept {
  wheel_.arm(timer, due);
  wake_at(wheel_.next_due());
}

void SimProactor::disarm(ring::Timer& timer) noexcept {
  wheel_.disarm(timer);
}

void SimProactor::post(ring::CoreIndex to, ring::Message& message) noexcept {
  SimProactor& other = *process_.cores.at(to.value);
  if (other.queue_.post(message)) other.wake();
}

void SimProactor::effects_at_death(bool machine) {
  const auto to_come = std::move(effects_to_come_);
  effects_to_come_.clear();
  for (const auto& [tag, begun] : to_come) {
    ring::Operation* operation = table_.find(tag);
    if (!operation || world_.random().chance(0.5)) continue;
    if (machine && operation->kind == OpKind::sync_data) continue;  // what of it landed is the disk's affair
    ++world_.counts()[Fault::operation_cut_off];
    effect_of(*operation);
  }
}

}  // namespace ringpost::sim
