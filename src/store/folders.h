// src/store/folders.h: the folders above the maildrops, made and synced by one core for all (M5).
//
// After a failed sync of a folder the names in it count as clean although they may be lost, and the next sync succeeds:
// so whoever puts a name into a shared folder syncs it before anybody else may and before anything is put into what it
// names, and takes it away where that fails; also a name that a killed process left.
#pragma once

#include <string>
#include <unordered_set>

#include <ringpost/store/names.h>

#include "disk.h"
#include "wait.h"

namespace ringpost::store {

struct Core;

class Folders {
 public:
  explicit Folders(Core& core) : core_(core) {}

  // On any core; done by the keeper. The maildrop's folder is there, and so are all names that lead to it, durably.
  ring::Task<std::int64_t> make(const MaildropFolder&);
  // The same for a folder that is there: its parents are synced once in a process.
  ring::Task<std::int64_t> sync_parents(const MaildropFolder&);

 private:
  ring::Task<std::int64_t> walk(const MaildropFolder&, bool makes);
  ring::Task<std::int64_t> walk_here(const MaildropFolder&, bool makes);
  ring::Task<std::int64_t> step(const std::string& parent, const std::string& child, bool makes);
  ring::Task<std::int64_t> step_alone(const std::string& parent, const std::string& child, bool makes);
  ring::Task<std::int64_t> take_away(const std::string& child);

  Core& core_;
  std::unordered_set<std::string> synced_;  // in this process
  std::unordered_set<std::string> busy_;
  std::unordered_set<std::string> in_doubt_;  // could not be taken away when their parent's sync failed
  WaitList changed_;
};

}  // namespace ringpost::store
