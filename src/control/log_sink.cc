#include <cerrno>
#include <chrono>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

#include <ringpost/control/log_line.h>
#include <ringpost/control/log_sink.h>

namespace ringpost::control {
namespace {

using namespace std::chrono_literals;

constexpr int gather_ms = 20;  // after an event, others have time to come without a wake-up each
constexpr std::size_t pending_octets_max = 1 << 20;
constexpr std::size_t pipe_octets = 4096;  // a pipe that polls writable takes that much without waiting
constexpr auto ending_max = 1s;

constexpr int priority_of(LogLevel level) {
  return level == LogLevel::debug ? 7 : level == LogLevel::info ? 6 : level == LogLevel::warning ? 4 : 3;
}

}  // namespace

LogSink::LogSink(int descriptor, const LogStyle& style, std::size_t ring_octets)
    : ring_octets_(ring_octets), descriptor_(descriptor), style_(style), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  level = style.level;
}

LogSink::~LogSink() {
  stop();
  close_file();
  if (next_file_waits_ && next_descriptor_ > STDERR_FILENO) close(next_descriptor_);
  close(wake_);
}

EventLog& LogSink::new_writer() {
  EventReader& reader = *this;
  return *rings_.emplace_back(std::make_unique<EventRing>(ring_octets_, reader));
}

void LogSink::start() {
  thread_ = std::thread([this] { run(); });
}

void LogSink::stop() {
  if (!thread_.joinable()) return;
  ending_ = true;
  woken_by_event();
  thread_.join();
}

void LogSink::reopen(int descriptor, const LogStyle& style) {
  const std::lock_guard guard(next_file_lock_);
  if (next_file_waits_ && next_descriptor_ > STDERR_FILENO) close(next_descriptor_);
  next_file_waits_ = true;
  next_descriptor_ = descriptor;
  next_style_ = style;
  level = style.level;
  woken_by_event();
}

LogCounters LogSink::counters() const noexcept {
  LogCounters counters{lines_, 0, failed_writes_};
  for (const auto& ring : rings_) counters.dropped += ring->dropped();
  return counters;
}

void LogSink::woken_by_event() noexcept {
  eventfd_write(wake_, 1);
}

void LogSink::close_file() const {
  if (descriptor_ > STDERR_FILENO) close(descriptor_);
}

void LogSink::take_new_file() {
  const std::lock_guard guard(next_file_lock_);
  if (!next_file_waits_) return;
  close_file();
  descriptor_ = next_descriptor_;
  style_ = next_style_;
  next_file_waits_ = false;
}

void LogSink::append_line(const TakenEvent& event) {
  if (style_.priorities) pending_ += fmt::format("<{}>", priority_of(event.level));
  style_.json ? append_json_line(pending_, event) : append_text_line(pending_, event);
}

bool LogSink::drain() {
  bool any = false;
  TakenEvent event;
  for (const auto& ring : rings_)
    while (pending_.size() < pending_octets_max && ring->take(event)) {
      any = true;
      append_line(event);
      lines_.fetch_add(1, std::memory_order_relaxed);
    }
  return any;
}

void LogSink::report_dropped() {
  const std::uint64_t dropped = counters().dropped;
  if (dropped == dropped_reported_) return;
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  TakenEvent event{{now}, LogLevel::warning, "log_dropped", {{"events", dropped - dropped_reported_, false}}};
  append_line(event);
  dropped_reported_ = dropped;
}

// Whole lines only, as far as the file takes them without waiting for ever.
void LogSink::write_out(bool ending) {
  const auto until = std::chrono::steady_clock::now() + ending_max;
  std::size_t at = 0;
  while (at < pending_.size()) {
    pollfd file{descriptor_, POLLOUT, 0};
    const int ready = poll(&file, 1, 100);
    if (ready == 0 && (ending ? std::chrono::steady_clock::now() < until : !ending_)) continue;
    if (ready <= 0) break;
    const ssize_t written = write(descriptor_, pending_.data() + at, std::min(pending_.size() - at, pipe_octets));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) {
      failed_writes_.fetch_add(1, std::memory_order_relaxed);
      at = pending_.size();
      break;
    }
    at += static_cast<std::size_t>(written);
  }
  pending_.erase(0, at);
}

void LogSink::run() {
  while (true) {
    const bool ending = ending_;
    take_new_file();
    while (drain()) write_out(ending);
    report_dropped();
    write_out(ending);
    if (ending) return;
    asleep = true;
    bool something = next_file_waits_ || ending_;
    for (const auto& ring : rings_) something = something || !ring->empty();
    if (!something) {
      pollfd wake{wake_, POLLIN, 0};
      poll(&wake, 1, 1000);
    }
    asleep = false;
    eventfd_t ignored;
    eventfd_read(wake_, &ignored);
    if (!ending_) poll(nullptr, 0, gather_ms);
  }
}

}  // namespace ringpost::control
