#include "delivery.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>

#include <ringpost/base/crc32c.h>
#include <ringpost/ring/awaitables.h>
#include <ringpost/store/wire_form.h>

#include "letters.h"

namespace ringpost::sim {

namespace {

using ring::Awaited;
using ring::OpKind;

// The letter as an unnamed file of the same file system. no_descriptor: it could not be had.
ring::Task<ring::Descriptor> spooled(ring::Proactor& core, ring::Descriptor data, std::string_view wire) {
  Awaited open(core, OpKind::open);
  open.fd = data;
  open.path = ".";
  open.flags = O_TMPFILE | O_RDWR;
  open.mode = 0600;
  const std::int64_t opened = co_await open;
  if (opened < 0) co_return ring::no_descriptor;
  const auto file = static_cast<ring::Descriptor>(opened);
  std::uint64_t done = 0;
  while (done < wire.size()) {
    Awaited write(core, OpKind::write);
    const iovec vector{const_cast<char*>(wire.data()) + done, wire.size() - done};
    write.fd = file;
    write.vectors = &vector;
    write.vector_count = 1;
    write.offset = done;
    const std::int64_t written = co_await write;
    if (written <= 0) {
      core.close(file);
      co_return ring::no_descriptor;
    }
    done += static_cast<std::uint64_t>(written);
  }
  co_return file;
}

store::Incoming incoming_of(const Letter& letter) {
  store::Incoming incoming;
  incoming.wire_octets = letter.wire.size();
  incoming.octets = letter.octets;
  incoming.header_octets = letter.header_octets;
  incoming.source = letter.source;
  return incoming;
}

Letter& invented(Random& random, Oracle& oracle, const DeliveryPlan& plan) {
  store::WireFormer former;
  std::string wire;
  const std::string raw = strange_letter(random, oracle.letters() + 1, random.skewed(0, plan.octets_max));
  former.feed(octets_of(raw), wire);
  former.finish(wire);
  store::SourceId source;
  if (plan.imports) random.fill(source.id.octets);
  return oracle.new_letter(plan.account, std::move(wire), former.octets(),
                           static_cast<std::uint32_t>(former.header_octets()), source);
}

}  // namespace

ring::Task<void> deliver(SimWorld& world, ring::Proactor& core, store::Maildrops& maildrops, Oracle& oracle,
                         DeliveryPlan plan, DeliveryFigures& figures, ring::Descriptor data) {
  Random random = world.random().branch();
  for (std::uint32_t count = 0; count < plan.letters; ++count) {
    ring::Pause pause(core,
                      core.now() + Duration(random.below(static_cast<std::uint64_t>(plan.pause_max.count()) + 1)));
    co_await pause;
    Letter* again = plan.imports && random.chance(plan.again) ? oracle.to_import_again(plan.account) : nullptr;
    Letter& letter = again ? *again : invented(random, oracle, plan);
    store::Incoming incoming = incoming_of(letter);
    const Octets wire = octets_of(letter.wire);
    incoming.wire_crc32c = crc32c(wire);
    // In a few pieces, as it comes from a socket.
    std::vector<Octets> pieces;
    for (std::size_t at = 0; at < wire.size();) {
      const std::size_t piece = random.between(1, wire.size() - at);
      pieces.push_back(wire.subspan(at, piece));
      at += piece;
    }
    ring::Descriptor spool = ring::no_descriptor;
    if (plan.spools) spool = co_await spooled(core, data, letter.wire);
    if (spool != ring::no_descriptor)
      incoming.spooled = spool;
    else
      incoming.wire_form = pieces;
    if (random.chance(plan.wants_taken_uidl)) incoming.uidl = oracle.any_uidl(plan.account);
    ++figures.asked;
    const std::uint64_t asked_at = oracle.moment();
    world.story().tell(world.now(), "core {}: letter {} of {} octets for {}{}", core.core().value, letter.number,
                       letter.wire.size(), plan.account, again ? ", again" : "");
    std::string account = plan.account;
    auto result = co_await maildrops.append(std::move(account), incoming);
    if (spool != ring::no_descriptor) core.close(spool);
    world.story().tell(world.now(), "letter {} for {}: {}", letter.number, plan.account,
                       !result                                          ? store::text_of(result.error())
                       : result->what == store::Appended::already_there ? "already there"
                                                                        : "stored");
    if (!result) {
      ++figures.refused;
      if (plan.honest)
        world.violation(fmt::format("letter {} for {} was refused: {}", letter.number, plan.account,
                                    store::text_of(result.error())));
    } else if (result->what == store::Appended::stored) {
      ++figures.stored;
    } else {
      ++figures.already_there;
    }
    if (again)
      oracle.second_import_answered(letter, asked_at, result);
    else
      oracle.delivery_answered(letter, asked_at, result);
  }
}

}  // namespace ringpost::sim
