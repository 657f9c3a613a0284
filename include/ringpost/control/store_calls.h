// ringpost/control/store_calls.h: what daemon and program ask of the store, as calls to a core.
//
// The daemon makes them for the program at its socket; the program makes them itself when no daemon runs.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ringpost/control/core_call.h>

namespace ringpost::control {

// A message on its way in: in memory (`wire`), or, where that is empty and wire_octets is not, in an unnamed file.
struct AppendJob {
  std::string account;  // canonical
  std::string wire;
  int spooled = -1;  // closed with the job
  std::uint64_t wire_octets = 0;
  std::uint64_t octets = 0;
  std::uint64_t header_octets = 0;
  std::uint32_t wire_crc32c = 0;
  WallTime received;
  std::uint32_t flags = 0;
  std::string uidl;
  store::SourceId source;

  AppendJob() = default;
  AppendJob(const AppendJob&) = delete;
  AppendJob& operator=(const AppendJob&) = delete;
  ~AppendJob();
};
using AppendResult = std::expected<store::AppendResult, store::StoreError>;

// Durable when `then` is told. Jobs of one account given to one core are appended in the order in which they were
// given.
class AppendCall final : public CoreCall {
 public:
  AppendCall(std::unique_ptr<AppendJob> job, std::function<void(AppendJob&, const AppendResult&)> then)
      : job_(std::move(job)), then_(std::move(then)) {}
  ring::Task<void> run(CoreServices& core) override;
  void finished() noexcept override { then_(*job_, *result_); }

 private:
  std::unique_ptr<AppendJob> job_;
  std::function<void(AppendJob&, const AppendResult&)> then_;
  std::optional<AppendResult> result_;
};

// A maildrop as it was when it was opened, without its lock (M14). Give it back with ReaderBack.
struct Reader {
  struct Message {
    std::uint64_t octets = 0;
    std::uint64_t record_offset = 0;  // header and UIDL in clear, store/format.h
    std::uint64_t wire_offset = 0;
    std::uint64_t wire_octets = 0;
    bool unreadable = false;
    std::string uidl;
  };
  std::vector<Message> messages;
  int file = -1;  // the log, while the reader is held; -1: an empty maildrop
  ring::CoreIndex core;
  store::Lease lease;
  store::LogView view;
};
using ReaderResult = std::expected<std::unique_ptr<Reader>, store::StoreError>;

class OpenReader final : public CoreCall {
 public:
  OpenReader(std::string account, ring::CoreIndex core, std::function<void(ReaderResult)> then)
      : account_(std::move(account)), core_(core), then_(std::move(then)) {}
  ring::Task<void> run(CoreServices& core) override;
  void finished() noexcept override { then_(std::move(*result_)); }

 private:
  std::string account_;
  ring::CoreIndex core_;
  std::function<void(ReaderResult)> then_;
  std::optional<ReaderResult> result_;
};

// To the core that opened it.
class ReaderBack final : public CoreCall {
 public:
  ReaderBack(std::unique_ptr<Reader> reader, std::function<void()> then)
      : reader_(std::move(reader)), then_(std::move(then)) {}
  ring::Task<void> run(CoreServices& core) override;
  void finished() noexcept override { then_(); }

 private:
  std::unique_ptr<Reader> reader_;
  std::function<void()> then_;
};

// When a message arrived, from its record's header; zero where that can't be read. Blocking.
WallTime blocking_received(const Reader& reader, const Reader::Message& message) noexcept;

// Maildrops::check, repair or compact of one maildrop.
template <typename Report>
class MaildropCall final : public CoreCall {
 public:
  using Result = std::expected<Report, store::StoreError>;
  using Work = ring::Task<Result> (store::Maildrops::*)(std::string);
  MaildropCall(Work work, std::string account, std::function<void(const Result&)> then)
      : work_(work), account_(std::move(account)), then_(std::move(then)) {}

  ring::Task<void> run(CoreServices& core) override {
    std::string account = account_;
    auto result = co_await (core.maildrops->*work_)(std::move(account));
    result_.emplace(std::move(result));
  }
  void finished() noexcept override { then_(*result_); }

 private:
  Work work_;
  std::string account_;
  std::function<void(const Result&)> then_;
  std::optional<Result> result_;
};

}  // namespace ringpost::control
