// ringpost/base/ensure.h: assertions that stay on in production.
//
// ensure() states what our own code guarantees; if it is wrong, the process stops before it can do harm.
// What a disk, a peer, a file or a person may get wrong is never ensured: it is a value (std::expected).
#pragma once

#include <source_location>

namespace ringpost {

[[noreturn]] void ensure_failed(const char* what, std::source_location where) noexcept;

#define ensure(condition) \
  ((condition) ? static_cast<void>(0) : ::ringpost::ensure_failed(#condition, std::source_location::current()))

}  // namespace ringpost
