// Requests about maildrops: mail in, mail out, and their care.
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <ringpost/accounts/account_name.h>
#include <ringpost/control/report_json.h>

#include "admin_connection.h"

namespace ringpost::control {
namespace {

constexpr std::uint64_t message_octets_max = std::uint64_t{1} << 40;
constexpr std::size_t list_step = 1000;                   // messages a turn of the loop
constexpr auto list_time = std::chrono::milliseconds(5);  // and no longer, where each of them is read from a disk
constexpr std::size_t read_octets = 256 << 10;            // of a message a turn
constexpr auto stuck_max = std::chrono::minutes(5);       // without an octet taken; the maildrop is held meanwhile

std::string text_field(const nlohmann::json& request, const char* key) {
  const auto found = request.find(key);
  return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t natural_field(const nlohmann::json& request, const char* key) {
  const auto found = request.find(key);
  return found != request.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// 32 hexadecimal digits; anything else is no source.
store::SourceId source_of(std::string_view text) {
  store::SourceId source;
  if (text.size() != 32) return source;
  for (std::size_t at = 0; at < 16; ++at) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data() + 2 * at, text.data() + 2 * at + 2, value, 16);
    if (error != std::errc{} || end != text.data() + 2 * at + 2) return {};
    source.id.octets[at] = static_cast<std::byte>(value);
  }
  return source;
}

}  // namespace

void AdminConnection::begin_append(const Json& request) {
  auto job = std::make_unique<AppendJob>();
  job->wire_octets = natural_field(request, "wire_octets");
  job->account =
      accounts::canonical_name(text_field(request, "account"), around_.appliance.configuration().accounts.fold_case);
  job->octets = natural_field(request, "octets");
  job->header_octets = natural_field(request, "header_octets");
  job->wire_crc32c = static_cast<std::uint32_t>(natural_field(request, "crc32c"));
  const auto received = request.find("received");
  if (received != request.end() && received->is_number_integer())
    job->received.microseconds = received->get<std::int64_t>();
  job->flags = static_cast<std::uint32_t>(natural_field(request, "flags"));
  job->uidl = text_field(request, "uidl");
  job->source = source_of(text_field(request, "source"));
  arriving_id_ = request.value("id", Json());
  // What follows cannot be told from requests if its length is wrong, so nothing is read on.
  if (!request.contains("wire_octets") || job->wire_octets > message_octets_max ||
      accounts::fault_of_name(job->account)) {
    refuse("append: wire_octets or account is not allowed", arriving_id_);
    closing_ = true;
    return;
  }
  if (job->wire_octets > around_.appliance.configuration().store.spool_threshold) {
    job->spooled = openat(around_.appliance.data_dir(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (job->spooled < 0) {
      refuse(fmt::format("append: no room to receive it: {}", std::strerror(errno)), arriving_id_);
      closing_ = true;
      return;
    }
  }
  arriving_left_ = job->wire_octets;
  arriving_ = std::move(job);
}

void AdminConnection::append() {
  const std::size_t octets = arriving_->wire.size();
  ++appends_;
  append_octets_ += octets;
  auto call = std::make_unique<AppendCall>(std::move(arriving_), [self = shared_from_this(), id = arriving_id_, octets](
                                                                     AppendJob&, const AppendResult& result) {
    --self->appends_;
    self->append_octets_ -= octets;
    if (result)
      self->reply({{"ok", true},
                   {"id", id},
                   {"already_there", result->what == store::Appended::already_there},
                   {"uidl", result->uidl},
                   {"uidl_replaced", result->uidl_replaced}});
    else
      self->refuse(store::text_of(result.error()), id);
    self->go_on();
    self->end_if_done();
  });
  around_.cores.call(core_, std::move(call));
}

void AdminConnection::open_reader(const Json& request) {
  if (reader_) {
    refuse("a maildrop is open already on this connection");
    busy_ = false;
    return;
  }
  std::string account =
      accounts::canonical_name(text_field(request, "account"), around_.appliance.configuration().accounts.fold_case);
  around_.cores.call(
      core_, std::make_unique<OpenReader>(std::move(account), core_, [self = shared_from_this()](ReaderResult result) {
        if (result) {
          self->reader_ = std::move(*result);
          self->reply({{"ok", true}, {"messages", self->reader_->messages.size()}});
        } else {
          self->refuse(store::text_of(result.error()));
        }
        self->answered();
      }));
}

// A line a message, in steps, so that a large maildrop does not hold up the control thread.
void AdminConnection::list() {
  if (!reader_) {
    refuse("no maildrop is open on this connection");
    busy_ = false;
    return;
  }
  reply({{"ok", true}, {"messages", reader_->messages.size()}});
  list_on(0);
}

void AdminConnection::list_on(std::size_t from) {
  const std::size_t most = std::min(reader_->messages.size(), from + list_step);
  const auto until = Loop::Clock::now() + list_time;
  std::size_t to = from;
  for (; to < most && (to == from || Loop::Clock::now() < until); ++to) {
    const Reader::Message& message = reader_->messages[to];
    reply({{"number", to + 1},
           {"octets", message.octets},
           {"uidl", message.uidl},
           {"received", blocking_received(*reader_, message).microseconds},
           {"unreadable", message.unreadable}});
  }
  if (to == reader_->messages.size() || peer_gone_) return answered();
  wait_for_room([self = shared_from_this(), to] { self->list_on(to); });
}

// Goes on in a later turn of the loop, as fast as the client takes what is there.
void AdminConnection::wait_for_room(std::function<void()> then) {
  send();
  if (Loop::Clock::now() - taken_at_ > stuck_max && !outgoing_.empty()) peer_gone_ = true;
  const bool full = outgoing_.size() >= read_octets && !peer_gone_;
  const auto pause = std::chrono::milliseconds(full ? 2 : 0);
  around_.loop.at(Loop::Clock::now() + pause, [self = shared_from_this(), full, then = std::move(then)]() mutable {
    full ? self->wait_for_room(std::move(then)) : then();
  });
}

void AdminConnection::read(const Json& request) {
  const std::uint64_t number = natural_field(request, "number");
  if (!reader_ || number < 1 || number > reader_->messages.size()) {
    refuse(reader_ ? "no such message" : "no maildrop is open on this connection");
    busy_ = false;
    return;
  }
  const Reader::Message& message = reader_->messages[number - 1];
  if (message.unreadable) {
    refuse("the message is damaged");
    busy_ = false;
    return;
  }
  reply({{"ok", true}, {"octets", message.wire_octets}});
  read_at_ = message.wire_offset;
  read_end_ = message.wire_offset + message.wire_octets;
  read_on();
}

// A piece a turn of the loop; a client that takes nothing holds up itself only.
void AdminConnection::read_on() {
  if (peer_gone_ || read_at_ == read_end_) return answered();
  const std::size_t had = outgoing_.size();
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(read_octets, read_end_ - read_at_));
  outgoing_.resize(had + wanted);
  const ssize_t got = pread(reader_->file, outgoing_.data() + had, wanted, static_cast<off_t>(read_at_));
  outgoing_.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got <= 0) {
    // The length was promised; only an end tells the client that it will not come.
    closing_ = true;
    return answered();
  }
  read_at_ += static_cast<std::uint64_t>(got);
  wait_for_room([self = shared_from_this()] { self->read_on(); });
}

void AdminConnection::close_reader() {
  busy_ = true;
  const ring::CoreIndex core = reader_->core;
  around_.cores.call(
      core, std::make_unique<ReaderBack>(std::move(reader_), [self = shared_from_this()] { self->answered(); }));
}

template <typename Report>
void AdminConnection::care_with(typename MaildropCall<Report>::Work work, std::string account) {
  auto then = [self = shared_from_this()](const typename MaildropCall<Report>::Result& result) {
    if (!result) {
      self->refuse(store::text_of(result.error()));
    } else {
      Json answer{{"ok", true}};
      if constexpr (!std::is_void_v<Report>) answer["report"] = json_of(*result);
      self->reply(answer);
    }
    self->answered();
  };
  around_.cores.call(core_, std::make_unique<MaildropCall<Report>>(work, std::move(account), std::move(then)));
}

void AdminConnection::care(const std::string& verb, const Json& request) {
  std::string account =
      accounts::canonical_name(text_field(request, "account"), around_.appliance.configuration().accounts.fold_case);
  if (verb == "check") return care_with<store::CheckReport>(&store::Maildrops::check, std::move(account));
  if (verb == "repair") return care_with<store::RepairReport>(&store::Maildrops::repair, std::move(account));
  care_with<void>(&store::Maildrops::compact, std::move(account));
}

}  // namespace ringpost::control
