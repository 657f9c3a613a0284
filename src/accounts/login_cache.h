// accounts/login_cache.h: passwords that were right a while ago, so that a poller's next login costs no hash.
//
// Maps HMAC-SHA-256(per-process random key, account, 0, password) to the version of the secret it was checked against:
// neither password nor secret can be had from it. Bounded by construction: sets of eight slots, in a set the expired or
// else the eldest goes. One a core; no locks. The table's memory is asked for once and touched as it fills.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <ringpost/base/octets.h>
#include <ringpost/base/time.h>

struct evp_md_ctx_st;

namespace ringpost::accounts {

using LoginKey = std::array<std::byte, 32>;

class LoginCache {
 public:
  // `key`: 32 random octets. `octets_max` below one set: nothing is ever kept.
  LoginCache(Octets key, std::uint64_t octets_max, Duration time_to_live);
  ~LoginCache();

  LoginKey key_of(std::string_view account, std::string_view password) const;

  bool holds(const LoginKey&, std::string_view account, std::uint64_t version, Instant now) const noexcept;
  void put(const LoginKey&, std::string_view account, std::uint64_t version, Instant now) noexcept;
  // What was put for this account before holds no more (nor does that of a few others that share its stamp).
  void forget(std::string_view account) noexcept;

  std::uint64_t octets() const noexcept { return used_ * sizeof(Slot); }

 private:
  struct Slot {
    LoginKey key{};
    std::uint64_t version = 0;
    std::int64_t put_at = 0;  // nanoseconds; 0: empty
    std::uint64_t stamp = 0;  // of the account, when it was put
  };
  static constexpr std::size_t slots_a_set = 8;
  static constexpr std::size_t stamps = 1024;

  std::size_t set_of(const LoginKey&) const noexcept;
  const std::uint64_t& stamp_of(std::string_view account) const noexcept;
  bool expired(const Slot&, Instant now) const noexcept;

  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> inner_;  // SHA-256 fed with the key's pads already
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> outer_;
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> work_;
  std::unique_ptr<Slot[]> slots_;
  std::size_t sets_ = 0;
  std::size_t used_ = 0;
  Duration time_to_live_;
  std::vector<std::uint64_t> stamps_;
};

}  // namespace ringpost::accounts
