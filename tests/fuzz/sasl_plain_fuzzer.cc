// PLAIN responses: what is taken is strict base64 of two NULs and a name, and says the same when it is made again.
#include <cstdint>
#include <string>

#include <ringpost/accounts/base64.h>
#include <ringpost/accounts/plain.h>
#include <ringpost/base/ensure.h>

using namespace ringpost;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto octets = accounts::decode_base64(text);
  if (octets) ensure(accounts::encode_base64(*octets) == text);
  const auto credentials = accounts::decode_plain(text);
  if (!credentials) return 0;
  ensure(!credentials->authentication.empty());
  std::string again = credentials->authorization;
  again.append(1, '\0').append(credentials->authentication).append(1, '\0').append(credentials->password.reveal());
  ensure(accounts::encode_base64(again) == text);
  return 0;
}
