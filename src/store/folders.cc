#include <cerrno>

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
  std::int64_t result = co_await step_alone(parent, child, makes);
  busy_.erase(parent);
  changed_.raise();
  co_return result;
}

Task<std::int64_t> Folders::step_alone(const std::string& parent, const std::string& child, bool makes) {
  if (in_doubt_.contains(child)) {
    const std::int64_t gone = co_await take_away(child);
    if (gone < 0) co_return gone;
  }
  std::int64_t made = 1;
  if (makes) made = co_await core_.disk.make_folder(child);
  if (made < 0) co_return made;
  if ((made == 1 && synced_.contains(parent)) || RINGPOST_MUTANT(parent_folder_not_synced)) co_return made;
  const std::int64_t result = co_await core_.disk.sync_folder(parent);
  if (result >= 0) {
    synced_.insert(parent);
    co_return result;
  }
  ++core_.counters.failed_syncs;
  synced_.erase(parent);
  (void)co_await take_away(child);  // made anew by the next try
  co_return result;
}

// An empty folder's name may be lost: its parent's sync failed. Nothing is put into a folder before its name is synced,
// so one that holds something is certain, and stays.
Task<std::int64_t> Folders::take_away(const std::string& child) {
  const std::int64_t result = co_await core_.disk.remove_folder(child);
  if (result >= 0 || result == -ENOTEMPTY || result == -EEXIST || result == -ENOENT) {
    in_doubt_.erase(child);
    co_return 0;
  }
  in_doubt_.insert(child);
  co_return result;
}

}  // namespace ringpost::store
