// ringpost/accounts/authenticator.h: is this the right password? Asked on a core, answered without blocking it.
//
// The login cache is asked at once; a miss costs a hash on the credentials pool. A refusal tells nothing: unknown
// account, wrong password, disabled account and empty password take the same time (a dummy hash of the same cost) and
// leave on a grid from the command on, later with every failure of that client (DESIGN 7). A backend that does not
// answer is `temporary`, never `refused` (E007). Threads: one Authenticator a core over one shared, immutable
// AccountFile; a changed file is a new one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <ringpost/accounts/account_file.h>
#include <ringpost/accounts/secret.h>
#include <ringpost/base/event_log.h>
#include <ringpost/config/configuration.h>
#include <ringpost/ring/awaitables.h>
#include <ringpost/ring/task.h>

namespace ringpost::accounts {

enum class Verdict : std::uint8_t { granted, refused, temporary };

struct LoginResult {
  Verdict verdict = Verdict::refused;
  std::string account;  // granted: the canonical name, as the store knows it
};

struct AuthenticatorCounters {
  std::uint64_t granted = 0, refused = 0, temporary = 0, cache_hits = 0, cache_misses = 0, hashes = 0;
  std::uint64_t cache_octets = 0;  // a gauge: of live entries
};

class Authenticator {
 public:
  Authenticator(ring::Proactor&, const config::Accounts&, std::shared_ptr<const AccountFile>, EventLog&);
  ~Authenticator();

  // `failures_before`: of this client, in this session (or by its address, as the caller counts): each moves the answer
  // by another step of the grid. Resumes at once when granted, from the cache without a wait.
  ring::Task<LoginResult> verify(std::string name, Secret password, std::uint32_t failures_before);

  void replace(std::shared_ptr<const AccountFile>) noexcept;  // after a reload: entries of changed accounts miss
  void forget(std::string_view account) noexcept;             // `ringpost user forget`

  const AuthenticatorCounters& counters() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ringpost::accounts
