#include "daemon_way.h"

#include <deque>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace ringpost::program {
namespace {

using nlohmann::json;

constexpr const char* not_understood = "the daemon's answer can't be understood";

// An answer without "ok" is the daemon's refusal.
std::expected<json, std::string> answer_of(control::Client& daemon) {
  const auto line = daemon.receive_line();
  if (!line) return std::unexpected(line.error());
  json answer = json::parse(*line, nullptr, false);
  if (!answer.is_object()) return std::unexpected(not_understood);
  return answer;
}

std::expected<json, std::string> ask(control::Client& daemon, const json& request) {
  if (auto sent = daemon.send(request.dump(-1, ' ', false, json::error_handler_t::replace)); !sent)
    return std::unexpected(sent.error());
  auto answer = answer_of(daemon);
  if (answer && !answer->value("ok", false))
    return std::unexpected(answer->value("error", std::string("the daemon refuses")));
  return answer;
}

class DaemonAppender final : public Appender {
 public:
  explicit DaemonAppender(control::Client& daemon) : daemon_(daemon) {}

  void submit(const std::string& account, std::unique_ptr<Prepared> message) override {
    while (!broken_ && running_ > 0 &&
           (running_ >= in_flight_max || octets_ + message->wire.size() > in_flight_octets_max))
      take_answer();
    Place place;
    place.octets = message->wire.size();
    place.message = std::move(message);
    const Prepared& whole = *place.message;
    places_.push_back(std::move(place));
    ++running_;
    octets_ += whole.wire.size();
    if (broken_) return fail_all("the connection to the daemon is lost");
    const json request{{"verb", "append"},
                       {"id", first_ + places_.size() - 1},
                       {"account", account},
                       {"wire_octets", whole.wire.size()},
                       {"octets", whole.octets},
                       {"header_octets", whole.header_octets},
                       {"crc32c", whole.wire_crc32c},
                       {"received", whole.received.microseconds},
                       {"flags", whole.flags},
                       {"uidl", whole.uidl},
                       {"source", hex(Octets(whole.source.id.octets))}};
    const auto sent = daemon_.send(request.dump(-1, ' ', false, json::error_handler_t::replace), octets_of(whole.wire));
    if (sent) return;
    // It may have said why before it closed.
    while (!broken_ && daemon_.has_line()) take_answer();
    fail_all(sent.error());
  }

  std::optional<std::expected<Outcome, std::string>> next() override {
    if (places_.empty()) return std::nullopt;
    while (!places_.front().outcome) take_answer();
    auto outcome = std::move(places_.front().outcome);
    places_.pop_front();
    ++first_;
    return outcome;
  }

  std::size_t under_way() const override { return places_.size(); }

 private:
  struct Place {
    std::unique_ptr<Prepared> message;
    std::size_t octets = 0;
    std::optional<std::expected<Outcome, std::string>> outcome;
  };

  void take_answer() {
    const auto answer = answer_of(daemon_);
    if (!answer) return fail_all(answer.error());
    const std::string error = answer->value("error", std::string());
    const auto id = answer->find("id");
    if (id == answer->end() || !id->is_number_unsigned()) return fail_all(error.empty() ? not_understood : error);
    const std::uint64_t at = id->get<std::uint64_t>() - first_;
    if (at >= places_.size() || places_[at].outcome) return fail_all(not_understood);
    Place& place = places_[at];
    if (!answer->value("ok", false))
      return settle(place, std::unexpected(fmt::format("{}: {}", place.message->origin, error)));
    Outcome outcome;
    outcome.message = std::move(place.message);
    outcome.already_there = answer->value("already_there", false);
    outcome.uidl_replaced = answer->value("uidl_replaced", false);
    outcome.uidl = answer->value("uidl", std::string());
    settle(place, std::move(outcome));
  }

  void settle(Place& place, std::expected<Outcome, std::string> outcome) {
    place.outcome.emplace(std::move(outcome));
    --running_;
    octets_ -= place.octets;
  }

  // Nothing is known of what was under way: a second import adds what is missing.
  void fail_all(const std::string& error) {
    broken_ = true;
    for (Place& place : places_)
      if (!place.outcome) settle(place, std::unexpected(fmt::format("{}: {}", place.message->origin, error)));
  }

  control::Client& daemon_;
  std::deque<Place> places_;
  std::uint64_t first_ = 0;  // the number of places_.front()
  std::size_t running_ = 0;
  std::size_t octets_ = 0;
  bool broken_ = false;
};

class DaemonReader final : public MaildropReader {
 public:
  explicit DaemonReader(control::Client& daemon) : daemon_(daemon) {}

  std::expected<std::vector<Listed>, std::string> list(const std::string& account) override {
    const auto opened = ask(daemon_, {{"verb", "open"}, {"account", account}});
    if (!opened) return std::unexpected(opened.error());
    const auto begun = ask(daemon_, {{"verb", "list"}});
    if (!begun) return std::unexpected(begun.error());
    const auto count = begun->value("messages", std::uint32_t{0});
    std::vector<Listed> list;
    while (list.size() < count) {
      const auto line = answer_of(daemon_);
      if (!line) return std::unexpected(line.error());
      list.push_back({line->value("number", std::uint32_t{0}), line->value("octets", std::uint64_t{0}),
                      line->value("uidl", std::string()), WallTime{line->value("received", std::int64_t{0})}});
    }
    return list;
  }

  std::expected<void, std::string> read(std::uint32_t number, const std::function<void(Octets)>& piece) override {
    const auto begun = ask(daemon_, {{"verb", "read"}, {"number", number}});
    if (!begun) return std::unexpected(begun.error());
    room_.resize(256 << 10);
    for (auto left = begun->value("octets", std::uint64_t{0}); left > 0;) {
      const auto got = daemon_.receive(
          MutableOctets(room_).first(static_cast<std::size_t>(std::min<std::uint64_t>(room_.size(), left))));
      if (!got) return std::unexpected(got.error());
      piece(Octets(room_).first(*got));
      left -= *got;
    }
    return {};
  }

 private:
  control::Client& daemon_;
  std::vector<std::byte> room_;
};

}  // namespace

std::unique_ptr<Appender> daemon_appender(control::Client& daemon) {
  return std::make_unique<DaemonAppender>(daemon);
}
std::unique_ptr<MaildropReader> daemon_reader(control::Client& daemon) {
  return std::make_unique<DaemonReader>(daemon);
}

std::expected<json, std::string> daemon_care(control::Client& daemon, const std::string& care,
                                             const std::string& account) {
  const auto answer = ask(daemon, {{"verb", care}, {"account", account}});
  if (!answer) return std::unexpected(answer.error());
  return answer->value("report", json());
}

}  // namespace ringpost::program
