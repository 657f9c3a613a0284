#include "local_way.h"

#include <cerrno>
#include <cstring>
#include <deque>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <utility>

#include <ringpost/control/report_json.h>
#include <ringpost/control/store_calls.h>

namespace ringpost::program {
namespace {

constexpr std::size_t read_octets = 256 << 10;

class LocalAppender final : public Appender {
 public:
  explicit LocalAppender(LocalStore& store) : store_(store) {}
  ~LocalAppender() override {
    while (running_ > 0) store_.wait();
  }

  void submit(const std::string& account, std::unique_ptr<Prepared> message) override {
    while (running_ >= in_flight_max || (running_ > 0 && octets_ + message->wire.size() > in_flight_octets_max))
      store_.wait();
    auto job = std::make_unique<control::AppendJob>();
    job->account = account;
    job->wire = std::move(message->wire);
    job->wire_octets = job->wire.size();
    job->octets = message->octets;
    job->header_octets = message->header_octets;
    job->wire_crc32c = message->wire_crc32c;
    job->received = message->received;
    job->flags = message->flags;
    job->uidl = message->uidl;
    job->source = message->source;
    ++running_;
    octets_ += job->wire.size();
    auto place = std::make_shared<Place>();
    place->message = std::move(message);
    places_.push_back(place);
    store_.cores().call(
        {0}, std::make_unique<control::AppendCall>(
                 std::move(job), [this, place](control::AppendJob& done, const control::AppendResult& result) {
                   --running_;
                   octets_ -= done.wire.size();
                   place->message->wire = std::move(done.wire);
                   settle(*place, result);
                 }));
  }

  std::optional<std::expected<Outcome, std::string>> next() override {
    if (places_.empty()) return std::nullopt;
    const auto place = places_.front();
    while (!place->outcome) store_.wait();
    places_.pop_front();
    return std::move(place->outcome);
  }

  std::size_t under_way() const override { return places_.size(); }

 private:
  struct Place {
    std::unique_ptr<Prepared> message;
    std::optional<std::expected<Outcome, std::string>> outcome;
  };

  static void settle(Place& place, const control::AppendResult& result) {
    if (!result) {
      place.outcome.emplace(std::unexpected(fmt::format("{}: {}", place.message->origin, text_of(result.error()))));
      return;
    }
    Outcome outcome;
    outcome.message = std::move(place.message);
    outcome.already_there = result->what == store::Appended::already_there;
    outcome.uidl_replaced = result->uidl_replaced;
    outcome.uidl = result->uidl;
    place.outcome.emplace(std::move(outcome));
  }

  LocalStore& store_;
  std::deque<std::shared_ptr<Place>> places_;
  std::size_t running_ = 0;
  std::size_t octets_ = 0;
};

class LocalReader final : public MaildropReader {
 public:
  explicit LocalReader(LocalStore& store) : store_(store) {}
  ~LocalReader() override {
    if (!reader_) return;
    bool back = false;
    store_.cores().call({0}, std::make_unique<control::ReaderBack>(std::move(reader_), [&] { back = true; }));
    while (!back) store_.wait();
  }

  std::expected<std::vector<Listed>, std::string> list(const std::string& account) override {
    std::optional<control::ReaderResult> result;
    store_.cores().call(
        {0}, std::make_unique<control::OpenReader>(account, ring::CoreIndex{0},
                                                   [&](control::ReaderResult r) { result.emplace(std::move(r)); }));
    while (!result) store_.wait();
    if (!*result) return std::unexpected(std::string(text_of(result->error())));
    reader_ = std::move(**result);
    std::vector<Listed> list;
    list.reserve(reader_->messages.size());
    for (const auto& message : reader_->messages)
      list.push_back({static_cast<std::uint32_t>(list.size() + 1), message.octets, message.uidl,
                      control::blocking_received(*reader_, message)});
    return list;
  }

  std::expected<void, std::string> read(std::uint32_t number, const std::function<void(Octets)>& piece) override {
    if (!reader_ || number < 1 || number > reader_->messages.size()) return std::unexpected("no such message");
    const auto& message = reader_->messages[number - 1];
    if (message.unreadable) return std::unexpected("the message is damaged");
    room_.resize(read_octets);
    for (std::uint64_t at = 0; at < message.wire_octets;) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room_.size(), message.wire_octets - at));
      const ssize_t got = pread(reader_->file, room_.data(), wanted, static_cast<off_t>(message.wire_offset + at));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::unexpected(std::string(std::strerror(errno)));
      if (got == 0) return std::unexpected("the log is shorter than its index says");
      piece(Octets(room_).first(static_cast<std::size_t>(got)));
      at += static_cast<std::uint64_t>(got);
    }
    return {};
  }

 private:
  LocalStore& store_;
  std::unique_ptr<control::Reader> reader_;
  std::vector<std::byte> room_;
};

template <typename Report>
std::expected<nlohmann::json, std::string> care_with(LocalStore& store,
                                                     typename control::MaildropCall<Report>::Work work,
                                                     const std::string& account) {
  using Call = control::MaildropCall<Report>;
  std::optional<typename Call::Result> result;
  store.cores().call({0},
                     std::make_unique<Call>(work, account, [&](const typename Call::Result& r) { result.emplace(r); }));
  while (!result) store.wait();
  if (!*result) return std::unexpected(std::string(text_of(result->error())));
  if constexpr (std::is_void_v<Report>)
    return nlohmann::json();
  else
    return control::json_of(**result);
}

}  // namespace

std::unique_ptr<Appender> local_appender(LocalStore& store) {
  return std::make_unique<LocalAppender>(store);
}
std::unique_ptr<MaildropReader> local_reader(LocalStore& store) {
  return std::make_unique<LocalReader>(store);
}

std::expected<nlohmann::json, std::string> local_care(LocalStore& store, const std::string& care,
                                                      const std::string& account) {
  if (care == "check") return care_with<store::CheckReport>(store, &store::Maildrops::check, account);
  if (care == "repair") return care_with<store::RepairReport>(store, &store::Maildrops::repair, account);
  return care_with<void>(store, &store::Maildrops::compact, account);
}

}  // namespace ringpost::program
