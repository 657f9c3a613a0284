#include <ringpost/base/mutant.h>

#include "core.h"

namespace ringpost::store {

using ring::Task;

Task<std::int64_t> Folders::make(const MaildropFolder& where) {
  const std::int64_t result = co_await walk(where, true);
  co_return result;
}

Task<std::int64_t> Folders::sync_parents(const MaildropFolder& where) {
  if (synced_.contains(where.middle)) co_return 0;
  const std::int64_t result = co_await walk(where, false);
  if (result >= 0) synced_.insert(where.middle);  // on this core, so that the keeper is asked once
  co_return result;
}

Task<std::int64_t> Folders::walk(const MaildropFolder& where, bool makes) {
  Core& keeper = core_.peer(0);
  std::int64_t result = 0;
  if (&keeper == &core_) {
    result = co_await walk_here(where, makes);
  } else {
    auto call = on_core<std::int64_t>(core_, keeper,
                                      [&where, makes](Core& there) { return there.folders.walk_here(where, makes); });
    result = co_await call;
  }
  co_return result;
}

Task<std::int64_t> Folders::walk_here(const MaildropFolder& where, bool makes) {
  static const std::string data_itself;
  std::int64_t result = co_await step(data_itself, where.outer, makes);
  if (result >= 0) result = co_await step(where.outer, where.middle, makes);
  if (result >= 0) result = co_await step(where.middle, where.folder, makes);
  co_return result;
}

Task<std::int64_t> Folders::step(const std::string& parent, const std::string& child, bool makes) {
  while (busy_.contains(parent)) (void)co_await changed_.raised();
  busy_.insert(parent);
  std::int64_t made = 1;
  if (makes) made = co_await core_.disk.make_folder(child);
  std::int64_t result = made;
  const bool wanted = made == 0 || (made == 1 && !synced_.contains(parent));
  if (wanted && !RINGPOST_MUTANT(parent_folder_not_synced)) {
    result = co_await core_.disk.sync_folder(parent);
    if (result >= 0) {
      synced_.insert(parent);
    } else {
      ++core_.counters.failed_syncs;
      synced_.erase(parent);
      if (made == 0) (void)co_await core_.disk.remove_folder(child);  // made anew by the next try
    }
  }
  busy_.erase(parent);
  changed_.raise();
  co_return result;
}

}  // namespace ringpost::store
