#include <chrono>
#include <fcntl.h>

#include "core.h"

namespace ringpost::store {

using namespace std::chrono_literals;

namespace {
const std::string reserve_path = "reserve";
constexpr Duration refill_every = 2s;
}  // namespace

// Sent to every core when the answer to whole() changes.
class Reserve::Note final : public ring::Message {
 public:
  Note(Core& there, bool whole) : there_(there), whole_(whole) {}
  void delivered() noexcept override {
    there_.reserve.whole_ = whole_;
    there_.counters.reserve_missing = whole_ ? 0 : 1;
    delete this;
  }

 private:
  Core& there_;
  bool whole_;
};

Reserve::~Reserve() {
  ensure(!refill_.armed);
}

void Reserve::Refill::fired() noexcept {
  ring::spawn(reserve_.core_.gate, reserve_.refill());
}

void Reserve::tell_all(bool whole) {
  for (std::uint32_t core = 0; core < core_.proactor.cores(); ++core)
    core_.proactor.post({core}, *new Note(core_.peer(core), whole));
}

ring::Task<void> Reserve::start() {
  if (core_.settings.reserve == 0) co_return;
  co_await refill();
}

void Reserve::stop() noexcept {
  stopped_ = true;
  if (refill_.armed) core_.proactor.disarm(refill_);
}

ring::Task<bool> Reserve::draw() {
  Core& keeper = core_.peer(0);
  if (&keeper == &core_) {
    const bool drawn = co_await draw_here();
    co_return drawn;
  }
  auto call = on_core<bool>(core_, keeper, [](Core& there) { return there.reserve.draw_here(); });
  const bool drawn = co_await call;
  co_return drawn;
}

ring::Task<bool> Reserve::draw_here() {
  if (core_.settings.reserve == 0) co_return false;
  if (whole_) core_.log.write(LogLevel::warning, "store_reserve_drawn", {{"octets", step_octets}});
  whole_ = false;
  tell_all(false);
  if (!refill_.armed && !stopped_) core_.proactor.arm(refill_, core_.proactor.now() + refill_every);
  Opened opened = co_await core_.disk.open(reserve_path, O_RDWR);
  if (opened.result < 0) co_return false;
  const std::int64_t size = co_await core_.disk.size(opened.file.fd());
  if (size <= 0) co_return false;
  const auto left = static_cast<std::uint64_t>(size) > step_octets ? static_cast<std::uint64_t>(size) - step_octets : 0;
  const std::int64_t result = co_await core_.disk.truncate(opened.file.fd(), left);
  co_return result >= 0;
}

// Whole, or tried again later. What others may need next is left to them.
ring::Task<void> Reserve::refill() {
  Opened opened = co_await core_.disk.open(reserve_path, O_RDWR | O_CREAT);
  std::int64_t result = opened.result;
  if (result >= 0) {
    const std::int64_t size = co_await core_.disk.size(opened.file.fd());
    result = size;
    if (size >= 0 && static_cast<std::uint64_t>(size) < core_.settings.reserve) {
      const std::uint64_t missing = core_.settings.reserve - static_cast<std::uint64_t>(size);
      ring::Awaited room(core_.proactor, ring::OpKind::room_left);
      room.fd = core_.disk.data();
      result = co_await room;
      if (result >= 0 && static_cast<std::uint64_t>(result) < missing + step_octets) result = -ENOSPC;
      if (result >= 0) {
        ring::Awaited allocate(core_.proactor, ring::OpKind::allocate);
        allocate.fd = opened.file.fd();
        allocate.length = core_.settings.reserve;
        result = co_await allocate;
      }
    }
  }
  const bool now_whole = result >= 0;
  if (now_whole != whole_) {
    whole_ = now_whole;
    tell_all(now_whole);
    core_.log.write(now_whole ? LogLevel::info : LogLevel::warning,
                    now_whole ? "store_reserve_whole" : "store_reserve_missing", {{"octets", core_.settings.reserve}});
  }
  if (!now_whole && !stopped_) core_.proactor.arm(refill_, core_.proactor.now() + refill_every);
}

}  // namespace ringpost::store
