#include "argon2id.h"

#include <argon2.h>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include <ringpost/accounts/base64.h>
#include <ringpost/accounts/secret.h>

namespace ringpost::accounts {
namespace {

constexpr std::size_t kept_octets_max = 64 << 20;

struct Freed {
  void operator()(std::uint8_t* memory) const noexcept { std::free(memory); }
};
struct KeptMemory {
  std::unique_ptr<std::uint8_t, Freed> octets;
  std::size_t size = 0;
};

KeptMemory& kept_memory() {
  thread_local KeptMemory kept;
  return kept;
}

// argon2 asks for one piece a hash, on the thread that called it, and wipes it before it gives it back.
int lend(std::uint8_t** memory, std::size_t octets) {
  KeptMemory& kept = kept_memory();
  if (octets > kept_octets_max) {
    *memory = static_cast<std::uint8_t*>(std::malloc(octets));
  } else {
    if (kept.size < octets) {
      kept.octets.reset(static_cast<std::uint8_t*>(std::malloc(octets)));
      kept.size = kept.octets ? octets : 0;
    }
    *memory = kept.octets.get();
  }
  return *memory ? ARGON2_OK : ARGON2_MEMORY_ALLOCATION_ERROR;
}

void take_back(std::uint8_t* memory, std::size_t) {
  if (memory != kept_memory().octets.get()) std::free(memory);
}

struct Encoded {
  std::uint32_t version = 0;
  std::uint32_t memory_kib = 0;
  std::uint32_t passes = 0;
  std::uint32_t lanes = 0;
  std::string salt;
  std::string hash;
};

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

bool take(std::string_view& text, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

std::optional<Encoded> decode(std::string_view text) {
  Encoded encoded;
  if (!take(text, "$argon2id$v=") || !take(text, encoded.version) || !take(text, "$m=") ||
      !take(text, encoded.memory_kib) || !take(text, ",t=") || !take(text, encoded.passes) || !take(text, ",p=") ||
      !take(text, encoded.lanes) || !take(text, "$"))
    return {};
  const std::size_t between = text.find('$');
  if (between == std::string_view::npos) return {};
  auto salt = decode_base64_unpadded(text.substr(0, between));
  auto hash = decode_base64_unpadded(text.substr(between + 1));
  if (!salt || !hash) return {};
  encoded.salt = std::move(*salt);
  encoded.hash = std::move(*hash);
  return encoded;
}

std::uint8_t* octets_at(std::string& text) {
  return reinterpret_cast<std::uint8_t*>(text.data());
}

}  // namespace

SchemeCheck blocking_check_argon2id(std::string_view text, std::string_view password) {
  auto encoded = decode(text);
  if (!encoded) return SchemeCheck::broken;
  std::string phrase(password);
  std::string found(encoded->hash.size(), '\0');
  argon2_context context{};
  context.out = octets_at(found);
  context.outlen = static_cast<std::uint32_t>(found.size());
  context.pwd = octets_at(phrase);
  context.pwdlen = static_cast<std::uint32_t>(phrase.size());
  context.salt = octets_at(encoded->salt);
  context.saltlen = static_cast<std::uint32_t>(encoded->salt.size());
  context.t_cost = encoded->passes;
  context.m_cost = encoded->memory_kib;
  context.lanes = encoded->lanes;
  context.threads = 1;  // the pool's own; more lanes are worked through one after the other
  context.version = encoded->version;
  context.allocate_cbk = lend;
  context.free_cbk = take_back;
  context.flags = ARGON2_DEFAULT_FLAGS;
  const int result = argon2id_ctx(&context);
  wipe({reinterpret_cast<std::byte*>(phrase.data()), phrase.size()});
  if (result != ARGON2_OK) return SchemeCheck::broken;
  return equal_in_constant_time(found, encoded->hash) ? SchemeCheck::fits : SchemeCheck::differs;
}

}  // namespace ringpost::accounts
