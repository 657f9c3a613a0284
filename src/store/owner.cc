#include <ringpost/base/ensure.h>

#include "core.h"

namespace ringpost::store {

namespace {
constexpr std::uint32_t evictions_looked_at_max = 64;  // a trim's own bound: the rest is for the next one
}

Owner::~Owner() {
  ensure(maildrops_.empty());
}

OpenMaildrop* Owner::find(std::string_view account) noexcept {
  const auto found = maildrops_.find(account);
  return found == maildrops_.end() ? nullptr : found->second.get();
}

OpenMaildrop& Owner::find_or_make(std::string_view account) {
  if (OpenMaildrop* known = find(account)) {
    touch(*known);
    return *known;
  }
  auto made = std::make_unique<OpenMaildrop>(account);
  OpenMaildrop& maildrop = *made;
  maildrops_.emplace(maildrop.account, std::move(made));
  maildrop.older = newest_;
  (newest_ ? newest_->newer : oldest_) = &maildrop;
  newest_ = &maildrop;
  recount(maildrop);
  return maildrop;
}

void Owner::unlink(OpenMaildrop& maildrop) noexcept {
  (maildrop.newer ? maildrop.newer->older : newest_) = maildrop.older;
  (maildrop.older ? maildrop.older->newer : oldest_) = maildrop.newer;
  maildrop.newer = maildrop.older = nullptr;
}

void Owner::touch(OpenMaildrop& maildrop) noexcept {
  if (newest_ == &maildrop) return;
  unlink(maildrop);
  maildrop.older = newest_;
  (newest_ ? newest_->newer : oldest_) = &maildrop;
  newest_ = &maildrop;
}

void Owner::recount(OpenMaildrop& maildrop) noexcept {
  const std::uint64_t imports = maildrop.imports ? maildrop.imports->memory() : 0;
  const std::uint64_t memory = sizeof(OpenMaildrop) + maildrop.summary.memory() + imports;
  memory_ += memory - maildrop.counted_memory;
  maildrop.counted_memory = memory;
  core_.counters.summary_octets = memory_;
}

// What is lent or in somebody's hand stays (M15).
void Owner::trim() {
  const std::uint64_t memory_max = core_.settings.summary_octets_max / core_.proactor.cores();
  for (std::uint32_t looked_at = 0; memory_ > memory_max && oldest_ && looked_at < evictions_looked_at_max;
       ++looked_at) {
    OpenMaildrop& oldest = *oldest_;
    if (oldest.in_use()) {
      touch(oldest);
      continue;
    }
    unlink(oldest);
    memory_ -= oldest.counted_memory;
    core_.counters.summary_messages -= oldest.summary.count();
    maildrops_.erase(oldest.account);
  }
  core_.counters.summary_octets = memory_;
}

bool Owner::idle() const noexcept {
  for (const auto& [name, maildrop] : maildrops_)
    if (maildrop->locked || maildrop->users > 0 || maildrop->writing || maildrop->space_work ||
        !maildrop->lent_to_readers.empty())
      return false;
  return true;
}

void Owner::forget_all() {
  ensure(idle());
  maildrops_.clear();
  newest_ = oldest_ = nullptr;
  memory_ = 0;
}

}  // namespace ringpost::store
