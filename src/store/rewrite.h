// src/store/rewrite.h: a log on its way into a new file (M9).
#pragma once

#include "owner.h"

namespace ringpost::store {

struct Owner::Rewrite {
  RewriteFor what_for;
  File from;
  File to;
  File index;
  Edition edition;
  std::uint64_t copied_to = 0;  // of the old log: what lies before is in the new one
  std::uint64_t end = 0;        // of the new log
  std::uint64_t index_end = 0;
  std::string index_entries;
  Summary summary;
  std::uint64_t record_octets_alive = 0;
  std::vector<std::byte> window;
};

}  // namespace ringpost::store
