// people.h: those around a store in tests: who writes mail, who holds a maildrop, who listens to its events.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ringpost/base/event_log.h>
#include <ringpost/ring/task.h>
#include <ringpost/store/maildrops.h>
#include <ringpost/store/wire_form.h>

namespace ringpost::store {

// Keeps the names of what was told.
class EventNames final : public EventLog {
 public:
  void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) noexcept override {
    std::string line(event);
    for (const LogField& field : fields) {
      line += ' ';
      line += field.key;
      line += '=';
      if (const auto* text = std::get_if<std::string_view>(&field.value))
        line += *text;
      else if (const auto* number = std::get_if<std::uint64_t>(&field.value))
        line += std::to_string(*number);
      else if (const auto* signed_number = std::get_if<std::int64_t>(&field.value))
        line += std::to_string(*signed_number);
    }
    lines.push_back(std::move(line));
  }
  std::size_t count(std::string_view event) const {
    std::size_t met = 0;
    for (const std::string& line : lines) met += line.substr(0, line.find(' ')) == event;
    return met;
  }
  std::vector<std::string> lines;
};

class Person final : public Holder {
 public:
  explicit Person(ring::Proactor& proactor, std::string address = "192.0.2.1")
      : proactor_(&proactor), address_(std::move(address)), heard(proactor.now()) {}
  std::string_view client_address() const noexcept override { return address_; }
  bool ending() const noexcept override { return is_ending; }
  bool update_begun() const noexcept override { return in_update; }
  Instant last_heard() const noexcept override { return heard; }
  ring::Descriptor socket() const noexcept override { return its_socket; }
  std::uint64_t octets_queued() const noexcept override { return queued; }
  void end_for_take_over() noexcept override { told_to_end = is_ending = true; }

 private:
  ring::Proactor* proactor_;
  std::string address_;

 public:
  Instant heard;
  ring::Descriptor its_socket = ring::no_descriptor;
  std::uint64_t queued = 0;
  bool is_ending = false;
  bool in_update = false;
  bool told_to_end = false;
};

// A message in wire form with everything that must be said of it. Stays in place while it is delivered.
struct Mail {
  explicit Mail(std::string_view raw) {
    WireFormer former;
    former.feed(octets_of(raw), wire);
    former.finish(wire);
    piece = octets_of(wire);
    incoming.wire_form = {&piece, 1};
    incoming.wire_octets = former.wire_octets();
    incoming.octets = former.octets();
    incoming.header_octets = static_cast<std::uint32_t>(former.header_octets());
    incoming.wire_crc32c = former.crc32c();
  }
  Mail(const Mail&) = delete;
  Mail& operator=(const Mail&) = delete;

  Mail& from(std::uint8_t source) {
    incoming.source.id.octets[0] = std::byte{source};
    incoming.source.id.octets[15] = std::byte{0x77};
    return *this;
  }
  Mail& bearing(std::string uidl) {
    incoming.uidl = std::move(uidl);
    return *this;
  }

  std::string wire;
  Octets piece;
  Incoming incoming;
};

using Stored = std::expected<AppendResult, StoreError>;

inline ring::Task<Stored> deliver(Maildrops& maildrops, std::string account, std::string raw) {
  Mail mail(raw);
  Stored stored = co_await maildrops.append(account, mail.incoming);
  co_return stored;
}

inline ring::Task<Stored> import(Maildrops& maildrops, std::string account, std::string raw, std::uint8_t source,
                                 std::string uidl) {
  Mail mail(raw);
  mail.from(source).bearing(uidl);
  Stored stored = co_await maildrops.append(account, mail.incoming);
  co_return stored;
}

// What a session saw of one message: LIST, UIDL, RETR.
struct Seen {
  std::uint64_t octets = 0;
  std::string uidl;
  std::string reply;
  auto operator<=>(const Seen&) const = default;
};
struct Visit {
  std::expected<void, StoreError> opened;
  std::vector<Seen> messages;
  std::expected<void, StoreError> closed;

  std::vector<std::string> replies() const {
    std::vector<std::string> all;
    for (const Seen& seen : messages) all.push_back(seen.reply);
    return all;
  }
};

inline std::string reply_to(std::string_view raw) {
  const Mail mail(raw);
  return "+OK " + std::to_string(mail.incoming.octets) + " octets\r\n" + mail.wire + ".\r\n";
}

// Reads all that a lease shows, as RETR does.
inline ring::Task<std::vector<Seen>> read_all(ring::Proactor& proactor, Maildrops& maildrops, const Lease& lease) {
  std::vector<Seen> seen;
  const Snapshot& snapshot = lease.snapshot();
  if (snapshot.count() == 0) co_return seen;
  auto view = co_await maildrops.view(lease);
  for (std::uint32_t i = 0; i < snapshot.count(); ++i) {
    const MessageEntry entry = snapshot.entry({i});
    Seen message{entry.octets, std::string(entry.uidl), {}};
    if (view) {
      message.reply.resize(entry.reply_octets);
      std::size_t done = 0;
      while (done < message.reply.size()) {
        const iovec vector{message.reply.data() + done, message.reply.size() - done};
        ring::Awaited read(proactor, ring::OpKind::read);
        read.fd = view->file;
        read.offset = entry.log_offset + entry.reply_skip + done;
        read.vectors = &vector;
        read.vector_count = 1;
        const std::int64_t octets = co_await read;
        if (octets <= 0) break;
        done += static_cast<std::size_t>(octets);
      }
      if (done < message.reply.size()) message.reply.clear();
    } else {
      message.reply = text_of(view.error());
    }
    seen.push_back(std::move(message));
  }
  if (view) maildrops.release(*view);
  co_return seen;
}

// Logs in, reads everything, deletes what it is told, and quits.
inline ring::Task<Visit> visit(ring::Proactor& proactor, Maildrops& maildrops, std::string account,
                               std::vector<std::uint32_t> deletes) {
  Visit result;
  Person person(proactor);
  auto lease = co_await maildrops.open(account, person);
  if (!lease) {
    result.opened = std::unexpected(lease.error());
    co_return result;
  }
  result.messages = co_await read_all(proactor, maildrops, *lease);
  std::vector<SnapshotIndex> deleted;
  for (std::uint32_t index : deletes) deleted.push_back({index});
  result.closed = co_await maildrops.close(std::move(*lease), std::move(deleted));
  co_return result;
}

}  // namespace ringpost::store
