#include "login_cache.h"

#include <bit>
#include <cstring>
#include <functional>
#include <openssl/evp.h>

#include <ringpost/accounts/secret.h>
#include <ringpost/base/ensure.h>

namespace ringpost::accounts {
namespace {

constexpr std::size_t block_octets = 64;  // SHA-256's

void begin(evp_md_ctx_st* context, Octets key, std::byte pad) {
  std::array<std::byte, block_octets> block{};
  std::memcpy(block.data(), key.data(), key.size());
  for (std::byte& octet : block) octet ^= pad;
  ensure(EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1);
  ensure(EVP_DigestUpdate(context, block.data(), block.size()) == 1);
  wipe(block);
}

}  // namespace

LoginCache::LoginCache(Octets key, std::uint64_t octets_max, Duration time_to_live)
    : inner_(EVP_MD_CTX_new(), EVP_MD_CTX_free),
      outer_(EVP_MD_CTX_new(), EVP_MD_CTX_free),
      work_(EVP_MD_CTX_new(), EVP_MD_CTX_free),
      time_to_live_(time_to_live),
      stamps_(stamps, 0) {
  ensure(key.size() <= block_octets && inner_ && outer_ && work_);
  begin(inner_.get(), key, std::byte{0x36});
  begin(outer_.get(), key, std::byte{0x5c});
  const std::uint64_t sets = octets_max / (sizeof(Slot) * slots_a_set);
  if (sets > 0) {
    sets_ = std::bit_floor(sets);
    slots_ = std::make_unique<Slot[]>(sets_ * slots_a_set);
  }
}

LoginCache::~LoginCache() = default;

LoginKey LoginCache::key_of(std::string_view account, std::string_view password) const {
  LoginKey digest;
  auto* out = reinterpret_cast<unsigned char*>(digest.data());
  ensure(EVP_MD_CTX_copy_ex(work_.get(), inner_.get()) == 1);
  ensure(EVP_DigestUpdate(work_.get(), account.data(), account.size()) == 1);
  ensure(EVP_DigestUpdate(work_.get(), "", 1) == 1);  // the 0 between them
  ensure(EVP_DigestUpdate(work_.get(), password.data(), password.size()) == 1);
  ensure(EVP_DigestFinal_ex(work_.get(), out, nullptr) == 1);
  ensure(EVP_MD_CTX_copy_ex(work_.get(), outer_.get()) == 1);
  ensure(EVP_DigestUpdate(work_.get(), digest.data(), digest.size()) == 1);
  ensure(EVP_DigestFinal_ex(work_.get(), out, nullptr) == 1);
  return digest;
}

std::size_t LoginCache::set_of(const LoginKey& key) const noexcept {
  std::uint64_t bits;
  std::memcpy(&bits, key.data(), sizeof bits);
  return (bits & (sets_ - 1)) * slots_a_set;
}

const std::uint64_t& LoginCache::stamp_of(std::string_view account) const noexcept {
  return stamps_[std::hash<std::string_view>{}(account) % stamps];
}

bool LoginCache::expired(const Slot& slot, Instant now) const noexcept {
  return slot.put_at == 0 || now.time_since_epoch().count() - slot.put_at > time_to_live_.count();
}

bool LoginCache::holds(const LoginKey& key, std::string_view account, std::uint64_t version,
                       Instant now) const noexcept {
  if (sets_ == 0) return false;
  const Slot* slot = &slots_[set_of(key)];
  for (std::size_t at = 0; at < slots_a_set; ++at, ++slot)
    if (slot->key == key && slot->put_at != 0)
      return slot->version == version && slot->stamp == stamp_of(account) && !expired(*slot, now);
  return false;
}

void LoginCache::put(const LoginKey& key, std::string_view account, std::uint64_t version, Instant now) noexcept {
  if (sets_ == 0) return;
  Slot* const set = &slots_[set_of(key)];
  Slot* chosen = set;
  for (Slot* slot = set; slot != set + slots_a_set; ++slot) {
    if (slot->key == key) {
      chosen = slot;
      break;
    }
    if (slot->put_at < chosen->put_at) chosen = slot;
  }
  if (chosen->put_at == 0) ++used_;
  *chosen = {key, version, now.time_since_epoch().count() == 0 ? 1 : now.time_since_epoch().count(), stamp_of(account)};
}

void LoginCache::forget(std::string_view account) noexcept {
  ++const_cast<std::uint64_t&>(stamp_of(account));
}

}  // namespace ringpost::accounts
