// Names that must not be lost (M5): a killed process may have left some that only the cache knows.
#include <fcntl.h>

#include <ringpost/base/mutant.h>

#include "core.h"

namespace ringpost::store {

using ring::Task;

// The maildrop's folder, always; what is above it up to `data`, once in this process.
Task<std::int64_t> Owner::sync_names(OpenMaildrop& maildrop) {
  std::int64_t result = co_await core_.disk.sync_folder(maildrop.where.folder);
  if (result >= 0 && !RINGPOST_MUTANT(parent_folder_not_synced)) {
    static const std::string data_itself;
    for (const std::string* parent : {&maildrop.where.middle, &maildrop.where.outer, &data_itself}) {
      if (parents_synced_.contains(*parent)) continue;
      result = co_await core_.disk.sync_folder(*parent);
      if (result < 0) break;
      parents_synced_.insert(*parent);
    }
  }
  if (result < 0) ++core_.counters.failed_syncs;
  co_return result;
}

// Folder and log of a maildrop that had none. Nothing is acknowledged before sync_names().
Task<std::int64_t> Owner::make_files(OpenMaildrop& maildrop) {
  std::int64_t result = 0;
  if (!maildrop.log.folder_made) {
    // Each of these may put a new name into a folder that was synced before.
    for (const std::string* folder : {&maildrop.where.outer, &maildrop.where.middle, &maildrop.where.folder}) {
      result = co_await core_.disk.make_folder(*folder);
      if (result < 0) co_return result;
    }
    parents_synced_.erase("");
    parents_synced_.erase(maildrop.where.outer);
    parents_synced_.erase(maildrop.where.middle);
    maildrop.log.folder_made = true;
  }
  const std::string path = maildrop.path("mail");
  if (maildrop.log.names_in_doubt) (void)co_await core_.disk.unlink(path);  // an empty one: a failed sync lost its name
  Opened made = co_await core_.disk.open(path, O_RDWR | O_CREAT);
  if (made.result < 0) co_return made.result;
  result = co_await sync_names(maildrop);
  if (result < 0) {
    // A failed folder sync is a failed sync: the names are made again before the next try.
    maildrop.log.names_in_doubt = true;
    co_return result;
  }
  maildrop.log.file_made = true;
  maildrop.log.names_in_doubt = false;
  co_return 0;
}

}  // namespace ringpost::store
