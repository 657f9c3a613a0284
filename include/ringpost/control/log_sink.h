// ringpost/control/log_sink.h: the thread that turns events into lines and writes them.
//
// A thread of its own, so that a full pipe or a slow disk holds up neither a core nor the control socket: rings fill
// up, events are dropped and counted, and a line says so later. Each writing thread has an EventRing of its own, made
// before that thread begins. reopen() and stop() may be called from any one thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <ringpost/control/event_ring.h>

namespace ringpost::control {

struct LogStyle {
  bool json = false;
  bool priorities = false;  // "<6>" before each line, as the journal reads from a service's standard error
  LogLevel level = LogLevel::info;
};

struct LogCounters {
  std::uint64_t lines = 0, dropped = 0, failed_writes = 0;
};

class LogSink final : private EventReader {
 public:
  // `descriptor` becomes ours, except standard error.
  LogSink(int descriptor, const LogStyle& style, std::size_t ring_octets);
  ~LogSink();
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  // A ring for one more thread. Before start().
  EventLog& new_writer();
  void start();
  // Writes what is there, for a second at most, and ends the thread.
  void stop();

  // From the next line on; the old file is closed.
  void reopen(int descriptor, const LogStyle& style);

  LogCounters counters() const noexcept;

 private:
  void woken_by_event() noexcept override;
  void run();
  bool drain();
  void append_line(const TakenEvent& event);
  void report_dropped();
  void write_out(bool ending);
  void take_new_file();
  void close_file() const;

  const std::size_t ring_octets_;
  std::vector<std::unique_ptr<EventRing>> rings_;
  int descriptor_;
  LogStyle style_;
  int wake_ = -1;
  std::atomic<bool> ending_{false};
  std::atomic<std::uint64_t> lines_{0}, failed_writes_{0};
  std::uint64_t dropped_reported_ = 0;
  std::string pending_;  // lines that are not written yet

  std::mutex next_file_lock_;  // reopen() and the log's thread only
  std::atomic<bool> next_file_waits_{false};  // also looked at without the lock
  int next_descriptor_ = -1;
  LogStyle next_style_;
  std::thread thread_;
};

}  // namespace ringpost::control
