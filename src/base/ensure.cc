#include <cstdio>
#include <cstdlib>

#include <ringpost/base/ensure.h>

namespace ringpost {

void ensure_failed(const char* what, std::source_location where) noexcept {
  std::fprintf(stderr, "ringpost: this must hold and does not: %s (%s:%u)\n", what, where.file_name(),
               static_cast<unsigned>(where.line()));
  std::abort();
}

}  // namespace ringpost
