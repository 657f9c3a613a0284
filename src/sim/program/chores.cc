#include "chores.h"

#include <fmt/format.h>

#include <ringpost/ring/awaitables.h>

namespace ringpost::sim {

namespace {

// One letter out of a lent snapshot, octet for octet (M14). false: it could not be read.
ring::Task<bool> read_letter(SimWorld& world, ring::Proactor& core, const store::LogView& view,
                             const store::MessageEntry& entry, std::string account, Oracle& oracle) {
  std::string reply(entry.reply_octets, '\0');
  std::uint64_t done = 0;
  while (done < reply.size()) {
    ring::Awaited read(core, ring::OpKind::read);
    const iovec vector{reply.data() + done, reply.size() - done};
    read.fd = view.file;
    read.vectors = &vector;
    read.vector_count = 1;
    read.offset = entry.log_offset + entry.reply_skip + done;
    const std::int64_t got = co_await read;
    if (got <= 0) co_return false;
    done += static_cast<std::uint64_t>(got);
  }
  const std::string_view wire =
      std::string_view(reply).substr(entry.status_line_octets, reply.size() - entry.status_line_octets - 3);
  if (const Letter* letter = oracle.named(account, entry.uidl); letter && letter->wire != wire)
    world.violation(fmt::format("a reader of {} was lent other octets as {}", account, entry.uidl));
  co_return true;
}

ring::Task<void> read_snapshot(SimWorld& world, ring::Proactor& core, store::Maildrops& maildrops, Oracle& oracle,
                               const ChorePlan& plan, ChoreFigures& figures, Duration pause) {
  std::string account = plan.account;
  auto lease = co_await maildrops.open_reader(std::move(account));
  if (!lease) {
    if (plan.honest && lease.error() != store::StoreError::not_found)
      world.violation(fmt::format("no snapshot of {}: {}", plan.account, store::text_of(lease.error())));
    co_return;
  }
  ring::Pause for_a_while(core, core.now() + pause);
  co_await for_a_while;
  if (lease->snapshot().count() > 0) {
    auto view = co_await maildrops.view(*lease);
    if (view) {
      for (std::uint32_t index = 0; index < lease->snapshot().count(); ++index) {
        const store::MessageEntry entry = lease->snapshot().entry({index});
        const bool read = co_await read_letter(world, core, *view, entry, plan.account, oracle);
        figures.snapshots_read += read;
        if (!read) break;
      }
      maildrops.release(*view);
    } else if (plan.honest) {
      world.violation(fmt::format("no view of {}: {}", plan.account, store::text_of(view.error())));
    }
  }
  co_await maildrops.close_reader(std::move(*lease));
}

}  // namespace

ring::Task<void> do_chores(SimWorld& world, ring::Proactor& core, store::Maildrops& maildrops, Oracle& oracle,
                           ChorePlan plan, ChoreFigures& figures) {
  Random random = world.random().branch();
  for (std::uint32_t chore = 0; chore < plan.chores; ++chore) {
    const auto most = static_cast<std::uint64_t>(plan.pause_max.count()) + 1;
    ring::Pause pause(core, core.now() + Duration(random.below(most)));
    co_await pause;
    if (!plan.compacts) {
      co_await read_snapshot(world, core, maildrops, oracle, plan, figures, Duration(random.below(most)));
      continue;
    }
    ++figures.compactions_asked;
    std::string account = plan.account;
    auto done = co_await maildrops.compact(std::move(account));
    world.story().tell(world.now(), "compaction of {}: {}", plan.account, done ? "done" : store::text_of(done.error()));
  }
}

}  // namespace ringpost::sim
