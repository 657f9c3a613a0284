// daemon/code_pages.h: the program's own pages are in memory before it serves.
//
// A core must not wait for a disk, and a page of code that nobody has used yet is read from one. Blocking, at start.
#pragma once

namespace ringpost::daemon {

// Maps every page of the program and its libraries in (MADV_POPULATE_READ, Linux 5.14). What cannot be had is left to
// be read when it is used.
void blocking_bring_in_code() noexcept;

}  // namespace ringpost::daemon
