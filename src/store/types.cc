#include <ringpost/store/types.h>

namespace ringpost::store {

const char* text_of(StoreError error) noexcept {
  switch (error) {
    case StoreError::in_use:
      return "in use";
    case StoreError::temporary:
      return "temporarily not possible";
    case StoreError::damaged:
      return "damaged, needs repair";
    case StoreError::no_such_message:
      return "no such message";
    case StoreError::too_large:
      return "message too large";
    case StoreError::no_room:
      return "no room on the disk";
    case StoreError::not_found:
      return "no such maildrop";
    case StoreError::name_refused:
      return "not a name for a maildrop";
    case StoreError::ending:
      return "the server is stopping";
  }
  return "unknown";
}

}  // namespace ringpost::store
