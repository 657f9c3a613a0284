// The log's end: batches of what is to be appended, and what follows when a write or sync fails (M4, M6, M8).
#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include <ringpost/base/crc32c.h>
#include <ringpost/base/mutant.h>

#include "batch.h"
#include "core.h"

namespace ringpost::store {

using ring::Task;

namespace {

constexpr std::size_t batch_records_max = 512;

bool all_zero(const SourceId& source) noexcept {
  return source == SourceId{};
}

bool no_room(std::int64_t error) noexcept {
  return error == -ENOSPC || error == -EDQUOT;
}

}  // namespace

// Joins the queue, starts the writer if none is at work, and waits for the answer.
class Owner::Submitted {
 public:
  Submitted(Owner& owner, OpenMaildrop& maildrop, LogRequest& request)
      : owner_(owner), maildrop_(maildrop), request_(request) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    request_.waiter = waiter;
    *maildrop_.queue_end = &request_;
    maildrop_.queue_end = &request_.next;
    if (!maildrop_.writer) ring::spawn(owner_.core_.gate, owner_.write_log(maildrop_));
  }
  void await_resume() const noexcept {}

 private:
  Owner& owner_;
  OpenMaildrop& maildrop_;
  LogRequest& request_;
};

Task<std::expected<AppendResult, StoreError>> Owner::append(std::string_view account, const Incoming& incoming) {
  if (core_.draining) co_return std::unexpected(StoreError::ending);
  if (!name_allowed(account)) co_return std::unexpected(StoreError::name_refused);
  if (!core_.reserve.whole()) co_return std::unexpected(StoreError::no_room);
  OpenMaildrop& maildrop = find_or_make(account);
  InHand hand(maildrop);
  // Opened by a task of its own: who asked first would else be the last to go on, and mail would change its order
  // (R012).
  if (maildrop.files == OpenMaildrop::Files::unknown) ring::spawn(core_.gate, open_ahead(maildrop));
  auto ready = co_await ensure_ready(maildrop);
  if (!ready) co_return std::unexpected(ready.error());
  LogRequest request;
  request.message = &incoming;
  Submitted submitted(*this, maildrop, request);
  co_await submitted;
  co_return request.result;
}

Task<Done> Owner::close(OpenMaildrop& maildrop, std::span<const Sequence> deleted) {
  InHand hand(maildrop);
  LogRequest request;
  request.tombstones = deleted;
  Submitted submitted(*this, maildrop, request);
  co_await submitted;
  // Free, success or not (P038), before the answer, so that who has read it can come again at once.
  give_lock_back(maildrop);
  maildrop.changed.raise();
  consider_space(maildrop);
  if (!request.result) co_return std::unexpected(request.result.error());
  ++core_.counters.updates;
  co_return Done{};
}

Task<void> Owner::write_log(OpenMaildrop& maildrop) {
  InHand hand(maildrop);
  maildrop.writer = true;
  while (maildrop.queue) {
    while (maildrop.appends_held && !RINGPOST_MUTANT(append_into_replaced_file))
      (void)co_await maildrop.changed.raised();
    maildrop.writing = true;
    co_await write_batch(maildrop);
    maildrop.writing = false;
    maildrop.changed.raise();
  }
  maildrop.writer = false;
  recount(maildrop);
  consider_space(maildrop);
  trim();
}

Task<void> Owner::write_batch(OpenMaildrop& maildrop) {
  Batch batch;
  while (maildrop.queue && batch.requests.size() < batch_records_max) {
    batch.requests.push_back(maildrop.queue);
    maildrop.queue = maildrop.queue->next;
  }
  if (!maildrop.queue) maildrop.queue_end = &maildrop.queue;

  File log;
  const Done ready = co_await ready_to_write(maildrop, log);
  if (!ready) {
    answer(batch, ready.error());
    co_return;
  }
  co_await prepare(maildrop, batch);
  std::int64_t result = 0;
  const bool first = batch.begin == 0;
  if (!batch.records.empty()) {
    result = co_await write_and_sync(maildrop, log.fd(), batch);
    if (first && result >= 0) result = co_await name_first_file(maildrop);
  }
  if (result < 0 && first) {
    answer(batch, no_room(result) ? StoreError::no_room : StoreError::temporary);
    co_return;
  }
  if (result < 0) {
    co_await write_failed(maildrop, log.fd(), batch, result);
    co_return;
  }
  co_await apply(maildrop, batch);
  std::string entries = std::move(batch.index_entries);
  answer(batch, std::nullopt);
  if (!RINGPOST_MUTANT(index_before_record_sync)) co_await append_to_index(maildrop, std::move(entries));
  maildrop.log.index_behind = false;
}

// The log, open before anything is written to it (M4), and nothing of an earlier failure left.
Task<Done> Owner::ready_to_write(OpenMaildrop& maildrop, File& log) {
  if (maildrop.log.names_in_doubt && maildrop.log.end > 0) {
    const bool lent = maildrop.locked || !maildrop.lent_to_readers.empty();
    if (lent || maildrop.space_work) co_return std::unexpected(StoreError::temporary);
    maildrop.space_work = true;
    Done rewritten = co_await rewrite(maildrop, RewriteFor::writer);
    end_space_work(maildrop);
    if (!rewritten) co_return rewritten;
  }
  if (maildrop.log.end == 0) {
    const std::int64_t opened = co_await open_first_file(maildrop, log);
    if (opened < 0) co_return std::unexpected(no_room(opened) ? StoreError::no_room : StoreError::temporary);
    co_return Done{};
  }
  const std::string path = maildrop.path("mail");
  Opened opened = co_await core_.disk.open(path, O_RDWR);
  if (opened.result < 0) co_return std::unexpected(StoreError::temporary);
  log = std::move(opened.file);
  if (maildrop.log.failed) {
    const std::int64_t mended = co_await mend_failure(maildrop, log.fd());
    if (mended < 0) co_return std::unexpected(StoreError::temporary);
  }
  // The page that the batch begins in is kept until the sync has succeeded: a failed one may lose all of it (M8).
  const std::uint64_t page = page_of(maildrop.log.end);
  maildrop.log.last_page.resize(maildrop.log.end - page);
  const MutableOctets into{reinterpret_cast<std::byte*>(maildrop.log.last_page.data()), maildrop.log.last_page.size()};
  const std::int64_t octets = co_await core_.disk.read(log.fd(), page, into);
  if (octets < 0) co_return std::unexpected(StoreError::temporary);
  // Behind a torn tail the log may end before the place of the next record: what was never there are zeros.
  co_return Done{};
}

Task<void> Owner::prepare(OpenMaildrop& maildrop, Batch& batch) {
  bool imports_wanted = false;
  for (const LogRequest* request : batch.requests)
    imports_wanted |= request->message && (!all_zero(request->message->source) || !request->message->uidl.empty());
  bool imports_known = true;
  if (imports_wanted && !maildrop.imports) imports_known = co_await load_imports(maildrop) >= 0;
  batch.begin = batch.end = batch.tried_end = maildrop.log.end;
  for (LogRequest* request : batch.requests) {
    if (request->message) {
      const bool imported = !all_zero(request->message->source) || !request->message->uidl.empty();
      if (imported && !imports_known)
        request->result = std::unexpected(StoreError::temporary);
      else if (!prepare_message(maildrop, batch, *request))
        request->result = AppendResult{.what = Appended::already_there, .sequence = {}, .uidl = {}};
    } else {
      Prepared& record = batch.records.emplace_back();
      record.request = request;
      record.sequence = {maildrop.log.next_sequence++};
      record.offset = batch.end;
      record.record =
          encode_tombstones(maildrop.log.edition, record.sequence, maildrop.log.synced, request->tombstones);
      record.octets = record.record.size();
      batch.end += record.octets;
      batch.tombstones = true;
      request->result = AppendResult{};
    }
  }
}

// False: it was imported before; nothing is added (M17).
bool Owner::prepare_message(OpenMaildrop& maildrop, Batch& batch, LogRequest& request) {
  const Incoming& incoming = *request.message;
  if (!all_zero(incoming.source)) {
    if (maildrop.imports->sources.contains(incoming.source.id)) return false;
    for (const Prepared& other : batch.records)
      if (other.request->message && other.source == incoming.source) return false;
  }
  Prepared& record = batch.records.emplace_back();
  record.request = &request;
  record.sequence = {maildrop.log.next_sequence++};
  record.offset = batch.end;
  record.source = incoming.source;
  bool replaced = false;
  record.uidl = choose_uidl(maildrop, batch, incoming, replaced);
  MessageToWrite message;
  message.sequence = record.sequence;
  message.synced = maildrop.log.synced;
  message.octets = incoming.octets;
  message.wire_octets = incoming.wire_octets;
  message.wire_crc32c = incoming.wire_crc32c;
  message.header_part_octets = incoming.header_octets;
  message.received = incoming.received == WallTime{} ? core_.proactor.wall() : incoming.received;
  message.flags = incoming.flags;
  message.source = incoming.source;
  message.uidl = record.uidl;
  record.frame = encode_message(maildrop.log.edition, message);
  record.octets = record.frame.record_octets;
  batch.end += record.octets;
  batch.messages = true;
  request.result = AppendResult{
      .what = Appended::stored, .sequence = record.sequence, .uidl = record.uidl, .uidl_replaced = replaced};
  return true;
}

// Assigned once, never two alike (M16).
std::string Owner::choose_uidl(OpenMaildrop& maildrop, const Batch& batch, const Incoming& incoming, bool& replaced) {
  const auto taken = [&](const std::string& uidl) {
    if (maildrop.imports && maildrop.imports->uidls.contains(name_hash(uidl))) return true;
    return std::any_of(batch.records.begin(), batch.records.end(),
                       [&](const Prepared& other) { return other.uidl == uidl; });
  };
  if (!incoming.uidl.empty()) {
    if (is_valid_uidl(incoming.uidl) && (!taken(incoming.uidl) || RINGPOST_MUTANT(uidl_used_twice)))
      return incoming.uidl;
    replaced = true;
    core_.log.write(LogLevel::warning, "uidl_replaced", {{"account", maildrop.account}, {"uidl", incoming.uidl}});
  }
  std::string uidl;
  do {
    Id128 random;
    core_.proactor.fill_random(random.octets);
    uidl = random_uidl(random);
  } while (taken(uidl));
  return uidl;
}

Task<std::int64_t> Owner::write_and_sync(OpenMaildrop& maildrop, ring::Descriptor log, Batch& batch) {
  ++core_.counters.append_batches;
  std::int64_t result = co_await write_records(log, batch);
  if (result < 0) {
    ++core_.counters.failed_writes;
    co_return result;
  }
  if (RINGPOST_MUTANT(index_before_record_sync)) {
    co_await collect_index_entries(maildrop, batch);
    co_await append_to_index(maildrop, std::exchange(batch.index_entries, {}));
  }
  ++core_.counters.syncs;
  const bool left_out = (RINGPOST_MUTANT(missing_sync_of_mail) && batch.messages) ||
                        (RINGPOST_MUTANT(deletion_answered_before_durable) && !batch.messages);
  if (!left_out) result = co_await core_.disk.sync(log);
  if (result < 0) {
    ++core_.counters.failed_syncs;
    if (RINGPOST_MUTANT(failed_sync_forgotten)) result = co_await core_.disk.sync(log);
  }
  co_return result;
}

Task<std::int64_t> Owner::write_records(ring::Descriptor log, Batch& batch) {
  std::vector<Octets> pieces;
  std::uint64_t pieces_at = batch.begin;
  std::int64_t result = 0;
  for (Prepared& record : batch.records) {
    batch.tried_end = record.offset + record.octets;
    if (!record.request->message) {
      pieces.push_back(octets_of(record.record));
      continue;
    }
    const Incoming& incoming = *record.request->message;
    pieces.push_back(record.frame.head());
    if (incoming.spooled != ring::no_descriptor) {
      result = co_await core_.disk.write(log, pieces_at, pieces);
      if (result < 0) co_return result;
      pieces.clear();
      const std::uint64_t content = record.offset + record.frame.head_octets;
      result = co_await copy_spooled(log, content, incoming);
      if (result < 0) co_return result;
      pieces_at = content + incoming.wire_octets;
    } else {
      pieces.insert(pieces.end(), incoming.wire_form.begin(), incoming.wire_form.end());
    }
    pieces.push_back(record.frame.tail());
  }
  result = co_await core_.disk.write(log, pieces_at, pieces);
  co_return result;
}

Task<std::int64_t> Owner::copy_spooled(ring::Descriptor log, std::uint64_t offset, const Incoming& incoming) {
  std::vector<std::byte> window(std::min(window_octets, incoming.wire_octets));
  std::uint32_t crc = 0;
  std::uint64_t at = 0;
  while (at < incoming.wire_octets) {
    const MutableOctets part =
        MutableOctets(window).first(std::min<std::uint64_t>(window.size(), incoming.wire_octets - at));
    std::int64_t result = co_await core_.disk.read(incoming.spooled, at, part);
    if (result >= 0 && static_cast<std::size_t>(result) != part.size()) result = -EIO;
    if (result < 0) co_return result;
    crc = crc32c(part, crc);
    result = co_await core_.disk.write(log, offset + at, part);
    if (result < 0) co_return result;
    at += part.size();
  }
  co_return crc == incoming.wire_crc32c ? 0 : -EIO;  // what was spooled is not what came
}

// Never taken for success later: what failed is covered by a skip, written and synced alone before anything else (M8).
// Tombstones that found no room are tried again with some of the reserve (M11).
Task<void> Owner::write_failed(OpenMaildrop& maildrop, ring::Descriptor log, Batch& batch, std::int64_t error) {
  maildrop.log.failed = true;
  maildrop.log.failed_end = std::max(batch.tried_end, maildrop.log.end + record_alignment);
  core_.log.write(
      LogLevel::error, "store_write_failed",
      {{"account", maildrop.account}, {"file", maildrop.path("mail")}, {"offset", batch.begin}, {"error", -error}});
  if (RINGPOST_MUTANT(refused_tombstone_counts) && batch.tombstones) {
    maildrop.log.failed = false;
    maildrop.log.end = batch.tried_end;
    answer(batch, StoreError::temporary);
    co_return;
  }
  std::vector<LogRequest*> again;
  if (no_room(error) && batch.tombstones) {
    const bool drawn = co_await core_.reserve.draw();
    for (LogRequest*& request : batch.requests)
      if (drawn && !request->message && request->draws++ < draws_max) again.push_back(std::exchange(request, nullptr));
  }
  const std::int64_t mended = co_await mend_failure(maildrop, log);
  (void)mended;  // if it failed too, the next request tries again first
  for (auto request = again.rbegin(); request != again.rend(); ++request) {
    (*request)->next = maildrop.queue;
    if (!maildrop.queue) maildrop.queue_end = &(*request)->next;
    maildrop.queue = *request;
  }
  answer(batch, no_room(error) ? StoreError::no_room : StoreError::temporary);
}

Task<std::int64_t> Owner::mend_failure(OpenMaildrop& maildrop, ring::Descriptor log) {
  LogState& state = maildrop.log;
  std::int64_t result = co_await core_.disk.write(log, page_of(state.end), octets_of(state.last_page));
  const std::string skip =
      encode_skip(state.edition, {state.next_sequence++}, state.synced, state.end, state.failed_end);
  const std::uint64_t skip_at = state.failed_end;
  if (result >= 0) result = co_await write_at_need(log, skip_at, octets_of(skip));
  if (result >= 0 && !RINGPOST_MUTANT(skip_and_records_in_one_sync)) {
    result = co_await core_.disk.sync(log);
    ++core_.counters.syncs;
    if (result < 0) ++core_.counters.failed_syncs;
  }
  if (result < 0) {
    state.failed_end = aligned_up(skip_at + skip.size());  // the next skip covers this one too
    co_return result;
  }
  ++core_.counters.skips_written;
  core_.log.write(LogLevel::warning, "store_skip",
                  {{"account", maildrop.account},
                   {"file", maildrop.path("mail")},
                   {"offset", state.end},
                   {"octets", skip_at - state.end}});
  state.end = state.synced = aligned_up(skip_at + skip.size());
  state.failed = false;
  state.last_page.clear();
  co_return 0;
}

void Owner::answer(Batch& batch, std::optional<StoreError> error) {
  for (LogRequest* request : batch.requests) {
    if (!request) continue;
    if (error) request->result = std::unexpected(*error);
    request->waiter.resume();
  }
}

}  // namespace ringpost::store
