#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include <ringpost/accounts/account_name.h>
#include <ringpost/accounts/authenticator.h>
#include <ringpost/accounts/password_scheme.h>

#include "login_cache.h"

namespace ringpost::accounts {
namespace {

constexpr std::int64_t checked_fits = 1;
constexpr std::int64_t checked_differs = 0;

// What is hashed for names that nobody bears while the file is empty.
constexpr std::string_view password_of_nobody = "nobody";

class HashJob final : public ring::AwaitedJob {
 public:
  HashJob(ring::Proactor& proactor, Secret stored, const Secret& password)
      : AwaitedJob(proactor, ring::PoolName::credentials), stored_(std::move(stored)), password_(password) {}

  std::int64_t blocking_run() noexcept override {
    switch (blocking_check_secret(stored_.reveal(), password_.reveal())) {
      case SchemeCheck::fits:
        return checked_fits;
      case SchemeCheck::differs:
        return checked_differs;
      case SchemeCheck::broken:
        break;
    }
    return -EIO;
  }

 private:
  Secret stored_;  // a copy: a reload may drop the account meanwhile
  const Secret& password_;
};

std::array<std::byte, 32> random_key(ring::Proactor& proactor) {
  std::array<std::byte, 32> key;
  proactor.fill_random(key);
  return key;
}

}  // namespace

struct Authenticator::State {
  State(ring::Proactor& p, const config::Accounts& s, std::shared_ptr<const AccountFile> f, EventLog& l)
      : proactor(p),
        settings(s),
        file(std::move(f)),
        log(l),
        key(random_key(p)),
        cache(key, s.cache_octets_max / p.cores(), s.cache_time_to_live) {}
  ~State() { wipe(key); }

  Secret dummy_for(std::string_view name);
  Instant answer_time(Instant asked, std::uint32_t failures_before) const;

  ring::Proactor& proactor;
  config::Accounts settings;
  std::shared_ptr<const AccountFile> file;
  EventLog& log;
  std::array<std::byte, 32> key;
  LoginCache cache;
  AuthenticatorCounters counters;
  std::string dummy_of_empty_file;
};

// Unknown names must cost what known ones cost, also in a file of mixed schemes: each is checked against the secret of
// an account that our key picks for it, always the same one, and the result is thrown away.
Secret Authenticator::State::dummy_for(std::string_view name) {
  const auto& accounts = file->accounts();
  if (accounts.empty()) return Secret(dummy_of_empty_file);
  const LoginKey digest = cache.key_of(name, password_of_nobody);
  std::uint64_t at;
  std::copy_n(digest.begin(), sizeof at, reinterpret_cast<std::byte*>(&at));
  for (std::size_t tried = 0; tried < accounts.size(); ++tried, ++at)
    if (const Account& account = accounts[at % accounts.size()]; !account.disabled) return Secret(account.secret);
  return Secret(dummy_of_empty_file);
}

// The next line of the grid, counted from the question; every failure before costs one step more.
Instant Authenticator::State::answer_time(Instant asked, std::uint32_t failures_before) const {
  const Duration step = std::max<Duration>(settings.failure_grid, std::chrono::milliseconds(1));
  const Duration passed = proactor.now() - asked;
  const auto steps_passed = (passed + step - Duration(1)) / step;
  return asked + step * std::max<std::int64_t>(steps_passed, std::int64_t{failures_before} + 1);
}

Authenticator::Authenticator(ring::Proactor& proactor, const config::Accounts& settings,
                             std::shared_ptr<const AccountFile> file, EventLog& log)
    : state_(std::make_unique<State>(proactor, settings, std::move(file), log)) {
  const LoginKey random = state_->cache.key_of("salt", "");
  state_->dummy_of_empty_file = blocking_make_argon2id(
      password_of_nobody, {settings.argon2_memory_kib, settings.argon2_passes}, text_of(Octets(random).first(16)));
}

Authenticator::~Authenticator() = default;

ring::Task<LoginResult> Authenticator::verify(std::string name, Secret password, std::uint32_t failures_before) {
  State& s = *state_;
  const Instant asked = s.proactor.now();
  std::string canonical = canonical_name(name, s.settings.fold_case);
  const Account* account = s.file->find(canonical);
  const bool may_enter = account && !account->disabled && !password.empty();
  const std::uint64_t version = account ? account->version : 0;
  const LoginKey key = s.cache.key_of(canonical, password.reveal());
  if (may_enter && s.cache.holds(key, canonical, version, asked)) {
    ++s.counters.cache_hits;
    ++s.counters.granted;
    co_return LoginResult{Verdict::granted, std::move(canonical)};
  }
  ++s.counters.cache_misses;
  ++s.counters.hashes;
  HashJob job(s.proactor, may_enter ? Secret(account->secret) : s.dummy_for(canonical), password);
  account = nullptr;  // a reload during the wait may take it away
  const std::int64_t checked = co_await job;
  if (checked == checked_fits && may_enter) {
    s.cache.put(key, canonical, version, s.proactor.now());
    s.counters.cache_octets = s.cache.octets();
    ++s.counters.granted;
    co_return LoginResult{Verdict::granted, std::move(canonical)};
  }
  if (checked < 0) {
    ++s.counters.temporary;
    if (checked != -EBUSY) s.log.write(LogLevel::error, "account_secret_broken", {{"account", canonical}});
    co_return LoginResult{Verdict::temporary, {}};
  }
  ring::Pause until_the_answer_leaves(s.proactor, s.answer_time(asked, failures_before));
  co_await until_the_answer_leaves;
  ++s.counters.refused;
  co_return LoginResult{Verdict::refused, {}};
}

void Authenticator::replace(std::shared_ptr<const AccountFile> file) noexcept {
  state_->file = std::move(file);
}

void Authenticator::forget(std::string_view account) noexcept {
  state_->cache.forget(canonical_name(account, state_->settings.fold_case));
}

const AuthenticatorCounters& Authenticator::counters() const noexcept {
  return state_->counters;
}

}  // namespace ringpost::accounts
