// Names that must not be lost (M5): a killed process may have left some that only the cache knows.
#include <fcntl.h>

#include <ringpost/base/mutant.h>

#include "core.h"

namespace ringpost::store {

using ring::Task;

// The maildrop's folder, always; what is above it up to `data`, once in this process.
Task<std::int64_t> Owner::sync_names(OpenMaildrop& maildrop) {
  std::int64_t result = co_await core_.disk.sync_folder(maildrop.where.folder);
  if (result < 0) {
    ++core_.counters.failed_syncs;
    maildrop.log.names_in_doubt = true;
    co_return result;
  }
  result = co_await core_.folders.sync_parents(maildrop.where);
  co_return result;
}

// An edition begins in a file of its own, which takes the log's name when its first batch is synced: so the octets at
// a log's beginning are never in doubt, whatever a crash leaves where a size came to the disk before its data.
Task<std::int64_t> Owner::open_first_file(OpenMaildrop& maildrop, File& log) {
  const std::int64_t made = co_await core_.folders.make(maildrop.where);
  if (made < 0) co_return made;
  maildrop.log.folder_made = true;
  core_.proactor.fill_random(maildrop.log.edition.id.octets);
  const std::string path = maildrop.path("mail.new");
  Opened opened = co_await core_.disk.open(path, O_RDWR | O_CREAT | O_TRUNC);
  log = std::move(opened.file);
  co_return opened.result;
}

Task<std::int64_t> Owner::name_first_file(OpenMaildrop& maildrop) {
  const std::string new_path = maildrop.path("mail.new");
  const std::string path = maildrop.path("mail");
  std::int64_t result = co_await core_.disk.rename(new_path, path);
  if (result < 0) co_return result;
  // If this fails, the file counts as empty here, and the next first batch takes the name from it.
  maildrop.log.names_in_doubt = false;
  result = co_await sync_names(maildrop);
  co_return result;
}

}  // namespace ringpost::store
