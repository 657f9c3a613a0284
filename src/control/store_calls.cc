#include <array>
#include <unistd.h>

#include <ringpost/control/store_calls.h>
#include <ringpost/store/format.h>

namespace ringpost::control {

AppendJob::~AppendJob() {
  if (spooled >= 0) close(spooled);
}

ring::Task<void> AppendCall::run(CoreServices& core) {
  const Octets whole = octets_of(job_->wire);
  store::Incoming incoming;
  if (job_->spooled >= 0)
    incoming.spooled = job_->spooled;
  else
    incoming.wire_form = std::span<const Octets>(&whole, 1);
  incoming.wire_octets = job_->wire_octets;
  incoming.octets = job_->octets;
  incoming.header_octets = job_->header_octets > 0xffffffffu ? 0 : static_cast<std::uint32_t>(job_->header_octets);
  incoming.wire_crc32c = job_->wire_crc32c;
  incoming.received = job_->received;
  incoming.flags = job_->flags;
  incoming.uidl = job_->uidl;
  incoming.source = job_->source;
  std::string account = job_->account;
  auto result = co_await core.maildrops->append(std::move(account), incoming);
  result_.emplace(std::move(result));
}

namespace {

Reader::Message message_of(const store::MessageEntry& entry) {
  Reader::Message message;
  message.octets = entry.octets;
  message.record_offset = entry.log_offset;
  message.wire_offset = entry.log_offset + entry.reply_skip + entry.status_line_octets;
  message.wire_octets = entry.reply_octets - entry.status_line_octets - store::reply_terminator.size();
  message.unreadable = entry.unreadable;
  message.uidl = entry.uidl;
  return message;
}

}  // namespace

ring::Task<void> OpenReader::run(CoreServices& core) {
  auto lease = co_await core.maildrops->open_reader(account_);
  if (!lease && lease.error() != store::StoreError::not_found) {
    result_.emplace(std::unexpected(lease.error()));
    co_return;
  }
  auto reader = std::make_unique<Reader>();
  reader->core = core_;
  if (!lease) {  // no mail ever came: an empty maildrop, and nothing to hold
    result_.emplace(std::move(reader));
    co_return;
  }
  reader->lease = std::move(*lease);
  const store::Snapshot& snapshot = reader->lease.snapshot();
  if (snapshot.count() > 0) {
    auto view = co_await core.maildrops->view(reader->lease);
    if (!view) {
      co_await core.maildrops->close_reader(std::move(reader->lease));
      result_.emplace(std::unexpected(view.error()));
      co_return;
    }
    reader->view = *view;
    reader->file = view->file;
  }
  reader->messages.reserve(snapshot.count());
  for (std::uint32_t at = 0; at < snapshot.count(); ++at) reader->messages.push_back(message_of(snapshot.entry({at})));
  result_.emplace(std::move(reader));
}

ring::Task<void> ReaderBack::run(CoreServices& core) {
  if (reader_->file >= 0) core.maildrops->release(reader_->view);
  if (reader_->lease.held()) co_await core.maildrops->close_reader(std::move(reader_->lease));
}

WallTime blocking_received(const Reader& reader, const Reader::Message& message) noexcept {
  std::array<std::byte, store::record_header_octets_max> header;
  const ssize_t got = pread(reader.file, header.data(), header.size(), static_cast<off_t>(message.record_offset));
  if (got <= 0) return {};
  const auto record = store::decode_record(Octets(header).first(static_cast<std::size_t>(got)));
  return record ? record->received : WallTime{};
}

}  // namespace ringpost::control
