// src/store/batch.h: what goes into a log in one write and one sync (M4).
#pragma once

#include <deque>
#include <vector>

#include "owner.h"

namespace ringpost::store {

// One record of a batch.
struct Owner::Prepared {
  LogRequest* request = nullptr;
  Sequence sequence;
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;
  std::string uidl;    // message
  MessageFrame frame;  // message
  std::string record;  // tombstones
  SourceId source;
};

struct Owner::Batch {
  std::vector<LogRequest*> requests;
  std::deque<Prepared> records;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool tombstones = false;
  bool messages = false;
  std::string index_entries;

  // How far what was tried reaches, when a write failed: headers claim whole records (log_scan.h).
  std::uint64_t tried_end = 0;
};

}  // namespace ringpost::store
